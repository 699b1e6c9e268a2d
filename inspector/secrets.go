package inspector

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/gosio/gosio/internal/redact"
)

// What is a secret whatever it is called: a JSON Web Token, signed or encrypted, and what
// follows "Bearer". Some write a slash of JSON as \/.
var (
	credentials = regexp.MustCompile(`eyJ[\w-]{8,}(?:\.[\w-]*){2,4}|(?i:\bbearer\s+)(?:[\w.~+/=-]|\\/){8,}`)
	placeholder = regexp.MustCompile(`\{"_placeholder":true,"num":\d+\}|\{"num":\d+,"_placeholder":true\}`)
)

// withoutTokens returns JSON without tokens in its strings. It is still JSON.
func withoutTokens(text string) string {
	if !strings.Contains(text, "eyJ") && !strings.Contains(strings.ToLower(text), "bearer") {
		return text
	}
	return credentials.ReplaceAllString(text, redact.Redacted)
}

// clean takes the secrets out of the arguments of an event, or of its acknowledgement, and the
// attachments that no argument names any more.
func clean(in *inspector, event string, args []json.RawMessage, attachments [][]byte) ([]json.RawMessage, [][]byte) {
	secret, changed := in.opts.Redact(event), false
	for i, arg := range args {
		cleaned := json.RawMessage(`"` + redact.Redacted + `"`)
		if !secret {
			cleaned = json.RawMessage(withoutTokens(string(in.secrets.CleanLong(arg))))
		}
		changed = changed || !bytes.Equal(cleaned, arg)
		args[i] = cleaned
	}
	if !changed || len(attachments) == 0 {
		return args, attachments
	}
	values := make([]any, len(args))
	named := make(map[int]bool)
	for i, arg := range args {
		d := json.NewDecoder(bytes.NewReader(arg))
		d.UseNumber()
		_ = d.Decode(&values[i]) // it is JSON
		eachAttachment(values[i], func(_ map[string]any, n int) { named[n] = true })
	}
	at := make(map[int]int) // from the numbers that were to those that are
	var kept [][]byte
	for n, a := range attachments {
		if named[n] {
			at[n] = len(kept)
			kept = append(kept, a)
		}
	}
	for i, v := range values {
		eachAttachment(v, func(holder map[string]any, n int) { holder["num"] = at[n] })
		args[i], _ = json.Marshal(v) // it was JSON
	}
	return args, kept
}

// eachAttachment calls f for each placeholder of an attachment, with its number.
func eachAttachment(v any, f func(holder map[string]any, n int)) {
	switch v := v.(type) {
	case map[string]any:
		if n, ok := v["num"].(json.Number); ok && v["_placeholder"] == true {
			if n, err := n.Int64(); err == nil {
				f(v, int(n))
			}
			return
		}
		for _, member := range v {
			eachAttachment(member, f)
		}
	case []any:
		for _, e := range v {
			eachAttachment(e, f)
		}
	}
}
