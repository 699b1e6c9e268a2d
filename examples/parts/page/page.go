// Package page is the web page of the examples: three files, no build step,
// and nothing from another host. The Socket.IO client comes from the server.
package page

import "embed"

// Files holds index.html and what it refers to.
//
//go:embed index.html chat.css chat.js
var Files embed.FS
