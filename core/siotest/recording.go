package siotest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Recording is what the inspector has recorded of a socket, or of the sockets of a room:
// see [ReadRecording] and [Replay].
type Recording struct {
	// Namespace is that of the sockets.
	Namespace string
	// Socket is the id of the socket, or Room the name of the room.
	Socket, Room string
	// Redacted: "[redacted]" stands in the place of members of arguments that may be
	// secrets.
	Redacted bool
	// Clients are the sockets, in the order in which they were first seen.
	Clients []RecordedClient
	// Packets are in the order in which the servers have seen them.
	Packets []RecordedPacket
}

// RecordedClient is a socket as it was when its recording began.
type RecordedClient struct {
	// ID is the id that the socket had.
	ID string
	// Identity is that of Socket.Identity, empty for none.
	Identity string
	// Rooms are those that the socket was in.
	Rooms []string
	// Server is the name of the server.
	Server string
}

// RecordedKind is what a [RecordedPacket] is.
type RecordedKind string

// The kinds of packets.
const (
	RecordedHere  RecordedKind = "here"  // the client is recorded from now on: it has connected or joined the room
	RecordedGone  RecordedKind = "gone"  // it has left the room or the server
	RecordedIn    RecordedKind = "in"    // an event that the client has sent
	RecordedAck   RecordedKind = "ack"   // the server has acknowledged it
	RecordedOut   RecordedKind = "out"   // an event that the server has sent to the client
	RecordedReply RecordedKind = "reply" // the client has acknowledged it
)

// RecordedPacket is a packet, or that a client comes or goes.
type RecordedPacket struct {
	Kind RecordedKind
	// At is when the server has seen it.
	At time.Time
	// Client is the number of the client in Recording.Clients.
	Client int
	// Number is that of an event that the client has sent, or that it has to acknowledge;
	// the acknowledgement has the same. Numbers begin with 1, for each server.
	Number uint64
	// Event is the name of the event, also of an acknowledgement.
	Event string
	// Args are the arguments as JSON, with {"_placeholder":true,"num":0} for binary, and
	// Attachments the binary values.
	Args        []json.RawMessage
	Attachments [][]byte
	// WantsAck: the client, or of RecordedOut the server, has waited for an acknowledgement.
	WantsAck bool
}

// The bounds of a file: the inspector writes less.
const (
	maxRecordingLine  = 32 << 20
	maxRecordingLines = 200_000
)

// errNoRecording is the error for other files.
var errNoRecording = errors.New("siotest: the first line is no header of a recording")

// recordingLine is a line of the file: the first has format and version.
type recordingLine struct {
	Format      string
	Version     int
	Namespace   string
	Room        string
	Redacted    bool
	At          int64
	Kind        string
	Socket      string
	N           uint64
	Event       string
	Args        []json.RawMessage
	Attachments [][]byte
	Ack         bool
	Server      string
	Identity    string
	Rooms       []string
}

// ReadRecording reads a file that the page of the inspector has given: JSON lines, of which
// the first says what is recorded. Kinds of lines that it does not know are left out. It
// fails for a version that is not 1, for lines of more than 32 MB, and for more than
// 200,000 lines.
func ReadRecording(r io.Reader) (*Recording, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxRecordingLine)
	if !lines.Scan() {
		return nil, errors.Join(errNoRecording, lines.Err())
	}
	var head recordingLine
	if json.Unmarshal(lines.Bytes(), &head) != nil || head.Format != "gosio recording" {
		return nil, errNoRecording
	}
	if head.Version != 1 {
		return nil, fmt.Errorf("siotest: the recording has version %d; this package reads version 1", head.Version)
	}
	rec := &Recording{Namespace: head.Namespace, Socket: head.Socket, Room: head.Room, Redacted: head.Redacted}
	if rec.Namespace == "" {
		rec.Namespace = "/"
	}
	numbers := make(map[string]int)
	for n := 2; lines.Scan(); n++ {
		if n > maxRecordingLines {
			return nil, fmt.Errorf("siotest: the recording has more than %d lines", maxRecordingLines)
		}
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var line recordingLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("siotest: line %d of the recording: %w", n, err)
		}
		rec.add(&line, numbers)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("siotest: the recording: %w", err)
	}
	return rec, nil
}

// add adds a line. numbers are those of the clients, by id.
func (rec *Recording) add(line *recordingLine, numbers map[string]int) {
	kind := RecordedKind(line.Kind)
	if !slices.Contains([]RecordedKind{RecordedHere, RecordedGone, RecordedIn, RecordedAck, RecordedOut, RecordedReply}, kind) || line.Socket == "" {
		return
	}
	client, known := numbers[line.Socket]
	if !known {
		client = len(rec.Clients)
		numbers[line.Socket] = client
		rec.Clients = append(rec.Clients, RecordedClient{line.Socket, line.Identity, line.Rooms, line.Server})
	}
	rec.Packets = append(rec.Packets, RecordedPacket{
		kind, time.UnixMicro(line.At), client, line.N, line.Event, line.Args, line.Attachments, line.Ack,
	})
}

// Answer is an event that a server has sent to a client, or an acknowledgement.
type Answer struct {
	// Client is the number of the client in Recording.Clients.
	Client int
	// Event is the name of the event, or of the event that is acknowledged.
	Event string
	// Ack: it is an acknowledgement.
	Ack bool
	// Args are the arguments as a JSON array, the members of objects in the order of their
	// names, with placeholders for binary values; Attachments are these.
	Args        string
	Attachments [][]byte
}

// String is the answer in one line, without attachments.
func (a Answer) String() string {
	of := ""
	if a.Ack {
		of = "ack of "
	}
	return fmt.Sprintf("%d %s%s %s", a.Client, of, a.Event, a.Args)
}

// Answers is what the servers have answered, as [Replay] returns it: of each client the
// acknowledgements in the order of the events that it has sent, and then the events that it
// was sent.
func (rec *Recording) Answers() []Answer {
	var all []Answer
	for client := range rec.Clients {
		var acks []RecordedPacket
		var events []Answer
		for _, p := range rec.Packets {
			switch {
			case p.Client != client:
			case p.Kind == RecordedAck:
				acks = append(acks, p)
			case p.Kind == RecordedOut:
				events = append(events, Answer{client, p.Event, false, canonical(p.Args), p.Attachments})
			}
		}
		slices.SortStableFunc(acks, func(a, b RecordedPacket) int { return int(min(max(int64(a.Number-b.Number), -1), 1)) }) //nolint:gosec // the sign is what counts
		for _, p := range acks {
			all = append(all, Answer{client, p.Event, true, canonical(p.Args), p.Attachments})
		}
		all = append(all, events...)
	}
	return all
}

// canonical is JSON in one form.
func canonical(args []json.RawMessage) string {
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = decoded(arg)
	}
	text, _ := json.Marshal(values) // it was JSON
	return string(text)
}

// decoded is a value with its numbers as they are written.
func decoded(raw []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	_ = d.Decode(&v) // nil for what is no JSON
	return v
}
