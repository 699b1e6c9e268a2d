package engine

import (
	"net/http"
	"strings"
	"time"
)

// defaultOpenDelay is Options.OpenDelay where the request calls for one.
const defaultOpenDelay = 20 * time.Millisecond

// proxied are the headers that show a proxy.
var proxied = []string{
	"Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-Ip", "Cf-Ray",
	"Cf-Connecting-Ip",
}

// openDelay is the time between the 101 and the open packet: see Options.OpenDelay.
func (o *Options) openDelay(h http.Header) time.Duration {
	if d := o.OpenDelay; d != 0 {
		return max(d, 0)
	}
	for _, name := range proxied {
		if len(h[name]) > 0 {
			return defaultOpenDelay
		}
	}
	agent := strings.ToLower(h.Get("User-Agent"))
	if strings.Contains(agent, "arduino") || strings.Contains(agent, "esp32") || strings.Contains(agent, "esp8266") {
		return defaultOpenDelay
	}
	return 0
}
