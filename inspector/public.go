package inspector

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gosio/gosio/internal/redact"
)

// sessionID is how the ids of sockets of clients of Socket.IO 2.x end.
var sessionID = regexp.MustCompile(`(^|#)[\w-]{22}$`)

// public returns the names of rooms that an event was for, or that are there, without the ids of sockets of
// clients of Socket.IO 2.x, which are those of their sessions, and secrets. Such a client
// may have left since, or be another server's: what looks like an id is taken for one where
// there may be such clients.
func public(in *inspector, namespace string, rooms []string, remote bool) []string {
	guess := remote || in.record.old.Load()
	ns, _ := in.srv.Lookup(namespace)
	secret := func(room string) bool {
		if ns != nil {
			if s, ok := ns.Socket(room); ok {
				return s.Protocol() == 3
			}
		}
		return guess && sessionID.MatchString(room) && room != strings.ToLower(room) && room != strings.ToUpper(room)
	}
	if !slices.ContainsFunc(rooms, secret) {
		return rooms
	}
	rooms = slices.Clone(rooms)
	for i, room := range rooms {
		if secret(room) {
			rooms[i] = redact.Redacted
		}
	}
	return rooms
}
