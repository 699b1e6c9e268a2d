package inspector

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// setting is an option as it is in force.
type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// settings tells limits and times, and which features are on: nothing that could be a
// secret.
func settings(srv *socketio.Server) []setting {
	o := srv.Options()
	all := []setting{
		{"Transports", strings.Join(o.Transports, ", ")},
		{"NoUpgrade", onOff(o.NoUpgrade)},
		{"PingInterval", text(o.PingInterval)},
		{"PingTimeout", text(o.PingTimeout)},
		{"UpgradeTimeout", text(o.UpgradeTimeout)},
		{"ConnectTimeout", text(o.ConnectTimeout)},
		{"AckTimeout", text(o.AckTimeout)},
		{"ShutdownSpread", text(o.ShutdownSpread)},
		{"AllowEIO3", onOff(o.AllowEIO3)},
		{"CORS.Origins", strings.Join(o.CORS.Origins[:min(len(o.CORS.Origins), maxOrigins)], ", ")},
		{"AllowRequest", onOff(o.AllowRequest != nil)},
		{"Pin", onOff(o.Pin != nil)},
		{"HTTPCompression", onOff(o.HTTPCompression > 0)},
		{"PerMessageDeflate", onOff(o.PerMessageDeflate != nil)},
		{"Parser", onOff(o.Parser != nil)},
		{"Adapter", onOff(o.Adapter != nil)},
		{"KeepEmptyNamespaces", onOff(o.KeepEmptyNamespaces)},
		{"ClosePanicked", onOff(o.ClosePanicked)},
		{"Recovery", onOff(o.Recovery != nil)},
	}
	if o.Recovery != nil {
		all = append(all, setting{"Recovery.MaxDisconnection", text(o.Recovery.MaxDisconnection)})
	}
	limits := reflect.ValueOf(o.Limits)
	for i := range limits.NumField() {
		name, v := limits.Type().Field(i).Name, text(limits.Field(i).Interface())
		if name == "Memory" && limits.Field(i).Int() == 0 {
			v = "GOMEMLIMIT"
		}
		all = append(all, setting{"Limits." + name, v})
	}
	return all
}

// maxOrigins bounds the origins that are told.
const maxOrigins = 20

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// text is a limit as people read it.
func text(v any) string {
	n := reflect.ValueOf(v).Int()
	if n < 0 || n == math.MaxInt64 {
		return "none"
	}
	if d, ok := v.(time.Duration); ok {
		return d.String()
	}
	return fmt.Sprint(v)
}

// settingRow is an option of all servers: one value, or that of each server.
type settingRow struct {
	Name   string            `json:"name"`
	Value  string            `json:"value"`
	Differ map[string]string `json:"differ,omitempty"` // by server
}

func mergeSettings(parts []handlersPart) []settingRow {
	rows, at := []settingRow{}, make(map[string]int)
	for n, p := range parts {
		for _, s := range p.Settings {
			i, known := at[s.Name]
			if !known {
				i = len(rows)
				at[s.Name] = i
				rows = append(rows, settingRow{Name: s.Name, Value: s.Value})
			}
			row := &rows[i]
			if s.Value == row.Value && row.Differ == nil {
				continue
			}
			if row.Differ == nil {
				row.Differ = make(map[string]string)
				for _, before := range parts[:n] {
					row.Differ[before.Node] = row.Value
				}
			}
			row.Differ[p.Node] = s.Value
		}
	}
	return rows
}
