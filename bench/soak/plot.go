package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// plotted are the columns that the plot shows, one panel each.
var plotted = []string{"clients", "ack_p99_ms", "goroutines", "fds", "heap_mb", "rss_mb", "recovered", "lost", "doubled"}

// plot draws the figures of a CSV file beside it.
func plot(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) < 3 {
		return err
	}
	const width, height, step = 900, 90, 120
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12"><rect width="100%%" height="100%%" fill="white"/>`, width+20, step*len(plotted))
	for i, column := range plotted {
		at, most := -1, 1.0
		for j, head := range rows[0] {
			if head == column {
				at = j
			}
		}
		var values []float64
		for _, row := range rows[1:] {
			v, err := strconv.ParseFloat(row[at], 64)
			if err != nil {
				return err
			}
			values, most = append(values, v), max(most, v)
		}
		fmt.Fprintf(&b, `<text x="10" y="%d">%s, up to %.4g in %d seconds</text><polyline fill="none" stroke="#2a6fb0" points="`, i*step+16, column, most, len(values))
		for x, v := range values {
			fmt.Fprintf(&b, "%.1f,%.1f ", 10+float64(x)*width/float64(len(values)), float64(i*step+20+height)-v/most*height)
		}
		b.WriteString(`"/>`)
	}
	b.WriteString("</svg>\n")
	return os.WriteFile(strings.TrimSuffix(name, ".csv")+".svg", []byte(b.String()), 0o644)
}
