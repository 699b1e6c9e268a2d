// Package msgjson turns MessagePack into JSON with attachments, which is how
// events travel through this module, and back. It is pure: bytes in, bytes out.
package msgjson
