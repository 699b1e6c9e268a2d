package cors

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// checkOrigins panics on origins that no browser sends: nobody would notice
// before a page is refused. See RFC 6454 section 6.2 for how they are written.
func checkOrigins(origins []string) {
	for _, o := range origins {
		if o == "*" || o == "file://" { // the latter is what clients on microcontrollers send
			continue
		}
		if problem, instead := misspelt(o); problem != "" {
			if instead != "" {
				problem += "; write " + strconv.Quote(instead)
			}
			panic(fmt.Sprintf("socketio: CORS.Origins: %q matches no page: %s", o, problem))
		}
	}
}

// misspelt says what is wrong with an origin, and how it is written if that is
// clear. It finds nothing wrong with what it would write itself.
func misspelt(o string) (problem, instead string) {
	switch {
	case o == "":
		return "it is empty", ""
	case o == "null":
		return `"null" is what every local file and sandboxed frame says, of whomever; list the pages, or "*"`, ""
	case strings.Trim(o, " \t\r\n") != o:
		return "there is space around it", suggestion(strings.TrimSpace(o))
	case strings.ContainsAny(o, ", \t\r\n"):
		return "it is more than one origin; list each by itself", ""
	case strings.Contains(o, "*"):
		return `there are no wildcards; list each origin, or "*" for all and decide in Options.AllowRequest`, ""
	case strings.HasPrefix(strings.ToLower(o), "file:"):
		return "pages of files have no host and no path", "file://"
	}
	scheme, rest, ok := strings.Cut(o, "://")
	switch {
	case !ok && strings.Contains(o, "/"):
		return "the scheme is missing", ""
	case !ok:
		return "the scheme is missing", suggestion("https://" + o)
	case strings.EqualFold(scheme, "ws") || strings.EqualFold(scheme, "wss"):
		return "an origin is that of the page, not of the WebSocket", suggestion("http" + strings.ToLower(scheme)[2:] + "://" + rest)
	}
	if !ofTheWeb(scheme) {
		return ofApp(scheme, rest)
	}
	u, err := url.Parse(o)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil {
		return `it is no origin, which has scheme, host and port only, as "https://app.example:8443"`, ""
	}
	for i := range len(o) {
		if o[i] >= 0x80 {
			return `browsers send the host in ASCII, as "https://xn--…"`, ""
		}
	}
	if right := written(u); right != o {
		return "browsers send the scheme and the host in small letters, and neither a path nor a port that goes without saying", right
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "there is no such port", ""
		}
	}
	return "", ""
}

func ofTheWeb(scheme string) bool {
	return strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")
}

// ofApp is misspelt for origins of apps and extensions, "capacitor://localhost":
// browsers send the host as it is, in capitals too ("safari-web-extension://…"),
// and nothing where there is none ("qrc://").
func ofApp(scheme, rest string) (problem, instead string) {
	host, _, path := strings.Cut(rest, "/")
	switch {
	case scheme == "" || strings.ContainsFunc(scheme, func(c rune) bool { return !strings.ContainsRune(schemeChars, c) }) || strings.ContainsAny(host, "?#@"):
		return `it is no origin, which has scheme, host and port only, as "https://app.example:8443"`, ""
	case strings.ToLower(scheme) != scheme || path:
		return "browsers send the scheme in small letters, and no path", strings.ToLower(scheme) + "://" + host
	}
	return "", ""
}

const schemeChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-."

// suggestion is o as a browser would send it, if it is an origin at all.
func suggestion(o string) string {
	if o == "*" {
		return o
	}
	if problem, instead := misspelt(o); problem != "" {
		return instead
	}
	return o
}

// written is the origin of a URL.
func written(u *url.URL) string {
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String()
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if n, err := strconv.ParseUint(port, 10, 64); err == nil {
		port = strconv.FormatUint(n, 10)
	}
	if port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return scheme + "://" + host
	}
	return scheme + "://" + host + ":" + port
}
