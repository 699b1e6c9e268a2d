package main

import (
	"context"
	"errors"
	"io"
	"os"

	socketio "github.com/gosio/gosio/core"
)

// docs:upload
const maxFile = 100 << 20

// An upload is a file on its way. The handlers of a socket run one after another,
// so it needs no lock.
type upload struct {
	dir       *os.Root
	name      string
	file      *os.File
	size, got int64
}

var uploading = socketio.NewKey[*upload]("uploading")

// begin opens a new file; a name that leaves the folder is an error of os.Root.
func begin(s *socketio.Socket, dir *os.Root, name string, size int64) error {
	abandon(s) // what was begun before
	if size <= 0 || size > maxFile {
		return &socketio.Error{Code: socketio.CodeBadRequest, Message: "a file has 1 byte to 100 MB"}
	}
	f, err := dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return &socketio.Error{Code: socketio.CodeBadRequest, Message: "choose another name"}
	}
	uploading.Set(s, &upload{dir, name, f, size, 0})
	return nil
}

// part takes the next part, and answers how many bytes have arrived.
func part(s *socketio.Socket, data []byte) (int64, error) {
	u, _ := uploading.Get(s)
	if u == nil || u.got+int64(len(data)) > u.size {
		return 0, &socketio.Error{Code: socketio.CodeBadRequest, Message: "not a part of a file"}
	}
	n, err := u.file.Write(data)
	u.got += int64(n)
	if err == nil && u.got == u.size {
		uploading.Set(s, nil)
		err = u.file.Close()
	}
	return u.got, err
}

// docs:download
// send sends a file in parts, as fast as the client takes them.
func send(ctx context.Context, s *socketio.Socket, dir *os.Root, name string) (size int64, err error) {
	f, err := dir.Open(name)
	if err != nil {
		return 0, &socketio.Error{Code: socketio.CodeBadRequest, Message: "no such file"}
	}
	defer func() { _ = f.Close() }() // nothing was written
	for data := make([]byte, 64<<10); ; {
		n, err := io.ReadFull(f, data)
		if n > 0 {
			if err := s.WaitWritable(ctx); err != nil {
				return size, err
			}
			if err := s.Emit("part", name, data[:n]); err != nil {
				return size, err
			}
			size += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return size, nil // the acknowledgement comes behind the last part
		case err != nil:
			return size, err
		}
	}
}

// docs:transfers
// transfers are uploads into a folder, and downloads from there. The folder is one of
// os.OpenRoot.
func transfers(ns *socketio.Namespace, dir *os.Root) {
	ns.On("upload", func(s *socketio.Socket, name string, size int64) error { return begin(s, dir, name, size) })
	ns.On("part", part)
	ns.On("size", func(name string) (int64, error) {
		info, err := dir.Stat(name)
		if err != nil {
			return 0, &socketio.Error{Code: socketio.CodeBadRequest, Message: "no such file"}
		}
		return info.Size(), nil
	})
	ns.On("download", func(ctx context.Context, s *socketio.Socket, name string) (int64, error) {
		return send(ctx, s, dir, name)
	})
	ns.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { abandon(s) })
}

// abandon removes a file that has not arrived whole.
func abandon(s *socketio.Socket) {
	if u, _ := uploading.Get(s); u != nil {
		uploading.Set(s, nil)
		_ = u.file.Close()
		_ = u.dir.Remove(u.name)
	}
}
