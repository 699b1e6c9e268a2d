package apperror_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type broken struct{ text string }

func (b *broken) Error() string { return b.text }

func (b *broken) MarshalJSON() ([]byte, error) { panic("marshal") }

// TestErrors: no method of an error gets further, and what is wrong with it is said.
func TestErrors(t *testing.T) {
	t.Parallel()
	good, long, null := error(&broken{"good"}), error(&broken{strings.Repeat("x", 300)}), error((*broken)(nil))
	assert.True(t, "find", apperror.Find[broken](fmt.Errorf("in: %w", good)) != nil && apperror.Find[broken](errors.New("x")) == nil)
	assert.True(t, "find nil", apperror.Find[broken](null) == nil)
	text, ok := apperror.Text(null)
	assert.True(t, text, !ok && strings.Contains(text, "return nil instead"))
	assert.True(t, "readable", errors.Is(apperror.Readable(good), good) && apperror.Readable(nil) == nil)
	assert.True(t, "readable nil", strings.Contains(apperror.Readable(null).Error(), "nil pointer"))
	assert.Equal(t, "clipped", len(apperror.Logged(long).Error()), 256)
	assert.True(t, "still itself", errors.Is(apperror.Logged(long), long) && apperror.Logged(good) == good)
	_, err := apperror.Marshal(good)
	assert.True(t, "marshal", err != nil && strings.Contains(err.Error(), "has panicked"))
	b, err := apperror.Marshal(1)
	assert.True(t, "marshal", err == nil && string(b) == "1")
}
