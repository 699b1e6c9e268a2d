package members

import (
	"embed"
	"errors"
	"io/fs"

	"github.com/gosio/gosio/examples/parts/page"
)

// Page holds index.html and what it refers to. It looks like the page of the
// other examples: their style sheet is part of it.
var Page fs.FS = layers{}

//go:embed page
var own embed.FS

type layers struct{}

// Open implements [fs.FS].
func (layers) Open(name string) (fs.File, error) {
	top, err := fs.Sub(own, "page")
	if err != nil {
		return nil, err
	}
	f, err := top.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return page.Files.Open(name)
	}
	return f, err
}
