package report

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"github.com/gosio/gosio/bench/load"
)

// lockMost is how much may be waited for locks, in percent of the server's CPU
// time. It bounds all locks together, and so each of them: a profile knows who
// let go of a lock, not which lock it was.
const lockMost = 2

// wait is what was waited for locks that one function let go of, in percent of
// the server's CPU time: the median of the repeats.
type wait struct {
	holder  string
	percent float64
}

// waits of a scenario, longest first, and of all together; ok is false if none
// were measured.
func (d Data) waits(scenario string) (list []wait, all float64, ok bool) {
	var sums []float64
	holders := map[string][]float64{}
	for _, r := range d.Results {
		if r.Server != Contended || r.Scenario != scenario || r.Error != "" {
			continue
		}
		sum := 0.0
		for holder, percent := range r.Locks {
			holders[holder] = append(holders[holder], percent)
			sum += percent
		}
		sums = append(sums, sum)
	}
	for holder, values := range holders {
		values = append(values, make([]float64, len(sums)-len(values))...) // nobody waited for it in these
		list = append(list, wait{holder: path.Base(holder), percent: load.Median(values)})
	}
	slices.SortFunc(list, func(a, b wait) int {
		return cmp.Or(cmp.Compare(b.percent, a.percent), cmp.Compare(a.holder, b.holder))
	})
	return list, load.Median(sums), len(sums) > 0
}

func (d Data) lockLimits() []line {
	var lines []line
	for _, s := range load.Scenarios {
		if _, all, ok := d.waits(s.Name); ok {
			lines = append(lines, line{
				demand: s.Title + ": waits for all locks together / CPU", measured: fmt.Sprintf("%.2f %%", all),
				limit: fmt.Sprintf("%d %%", lockMost), met: all <= lockMost,
			})
		}
	}
	return lines
}

// contention is the table of who is waited for.
func (d *document) contention() {
	var rows [][]string
	for _, s := range load.Scenarios {
		list, all, ok := d.waits(s.Name)
		if !ok {
			continue
		}
		rows = append(rows, []string{s.Title, "all together", fmt.Sprintf("%.2f %%", all)})
		for _, w := range list[:min(len(list), 3)] {
			rows = append(rows, []string{s.Title, "`" + w.holder + "`", fmt.Sprintf("%.2f %%", w.percent)})
		}
	}
	if rows == nil {
		return
	}
	d.WriteString("## Contention\n\nTime that goroutines waited for locks (the mutex profile, every wait counted) by who let go of the lock, in percent of the server's CPU time. `runtime` is the Go runtime itself.\n\n")
	d.head("scenario", "lock held by", "waited")
	for _, row := range rows {
		d.row(row...)
	}
	d.WriteString("\n")
}
