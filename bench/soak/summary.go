package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
)

// summed are the columns of which the summary tells.
var summed = []string{"ack_p99_ms", "goroutines", "fds", "heap_mb", "rss_mb"}

// summary prints what the columns were at most and in the middle, and whether they grew:
// the middle of the first third beside that of the last. Seconds in which a server was away
// do not count.
func summary(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) < 4 {
		return err
	}
	for _, column := range summed {
		at := slices.Index(rows[0], column)
		var values []float64
		for _, row := range rows[1:] {
			v, err := strconv.ParseFloat(row[at], 64)
			if err != nil {
				return err
			}
			if v > 0 {
				values = append(values, v)
			}
		}
		if len(values) < 3 {
			continue
		}
		third := len(values) / 3
		fmt.Printf("%s: median %.1f, most %.1f; first third %.1f, last third %.1f\n", column,
			median(values), slices.Max(values), median(values[:third]), median(values[len(values)-third:]))
	}
	return nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
