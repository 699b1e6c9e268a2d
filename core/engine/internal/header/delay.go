package header

import (
	"net/http"
	"strings"
)

// proxied are the headers that show a proxy.
var proxied = []string{
	"Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-Ip", "Cf-Ray",
	"Cf-Connecting-Ip",
}

// MayLoseFirst reports whether the header of a request shows a proxy or a client,
// on a microcontroller, that may lose a packet which it reads together with the 101.
func MayLoseFirst(h http.Header) bool {
	for _, name := range proxied {
		if len(h[name]) > 0 {
			return true
		}
	}
	agent := strings.ToLower(h.Get("User-Agent"))
	return strings.Contains(agent, "arduino") || strings.Contains(agent, "esp32") || strings.Contains(agent, "esp8266")
}
