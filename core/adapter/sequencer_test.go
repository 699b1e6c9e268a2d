package adapter_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/assert"
)

func TestComparePositions(t *testing.T) {
	t.Parallel()
	ordered := []string{
		"", "0-0", "0-1", "0-9", "0-10", "1-0", "9-99", "10-0", "1526919030474-55", "1526919030475-0",
		strconv.FormatUint(math.MaxUint64, 10) + "-0", "507f1f77bcf86cd799439011", "507f1f77bcf86cd799439012",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			c := adapter.ComparePositions(a, b)
			assert.True(t, a+" and "+b, c < 0 == (i < j) && c > 0 == (i > j))
		}
		assert.Equal(t, "valid "+a, adapter.ValidPosition(a), a != "")
	}
	shuffled := slices.Clone(ordered)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	slices.SortFunc(shuffled, adapter.ComparePositions)
	assert.Equal(t, "sorted", strings.Join(shuffled, " "), strings.Join(ordered, " "))
	for _, bad := range []string{"-", "1-", "-1", "1--2", "A", "1 2", "1~2", `1"`, "é", strings.Repeat("1", adapter.MaxPosition+1)} {
		assert.True(t, bad+" is none", !adapter.ValidPosition(bad))
	}
	assert.True(t, "the longest", adapter.ValidPosition(strings.Repeat("1", adapter.MaxPosition)))
}
