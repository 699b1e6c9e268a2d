// Package given reads what the tests of this folder tell the programs in Go.
package given

import (
	"encoding/base64"
	"time"
)

// Value makes {"$bytes": base64} bytes and {"$time": seconds} a time, in a value that
// was decoded from JSON.
func Value(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = Value(v[i])
		}
	case map[string]any:
		if s, ok := v["$bytes"].(string); ok {
			b, _ := base64.StdEncoding.DecodeString(s)
			return b
		}
		if n, ok := v["$time"].(float64); ok {
			return time.Unix(int64(n), 0).UTC()
		}
		for k := range v {
			v[k] = Value(v[k])
		}
	}
	return v
}
