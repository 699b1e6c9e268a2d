package main

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:embed page node/server.mjs node/package.json node/package-lock.json nginx.conf
var files embed.FS

func pageFiles() fs.FS { return sub("page") }
func nodeFiles() fs.FS { return sub("node") }

func sub(folder string) fs.FS {
	part, err := fs.Sub(files, folder)
	if err != nil {
		panic(err) // the folder is embedded
	}
	return part
}

// nodeVersion names the Node server's files as they are.
func nodeVersion() string {
	h := sha256.New()
	for _, name := range []string{"node/server.mjs", "node/package-lock.json"} {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err) // the file is embedded
		}
		_, _ = h.Write(text) // never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// proxy writes the configuration of nginx.
func proxy(folder, port string, addresses []string) (string, error) {
	text, err := files.ReadFile("nginx.conf")
	if err != nil {
		return "", err
	}
	var list strings.Builder
	for _, a := range addresses {
		list.WriteString("server unix:" + a + " max_fails=0;\n") // who is gone is found at once, and who is back, too
	}
	config := filepath.Join(folder, "nginx.conf")
	filled := strings.NewReplacer("@PORT@", port, "@FOLDER@", folder, "@SERVERS@", list.String()).Replace(string(text))
	return config, os.WriteFile(config, []byte(filled), 0o600)
}
