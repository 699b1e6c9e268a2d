package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/gosio/gosio/bench/report"
)

// describe says what ran where; no name of the machine or of its folders.
func describe(ctx context.Context, p plan) report.Run {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // not everywhere readable: then left out
	version, _, _ := strings.Cut(strings.TrimSpace(string(kernel)), "-")
	return report.Run{
		Date:    time.Now().UTC().Format(time.DateOnly),
		Level:   p.level,
		Pin:     p.pin,
		Repeats: p.repeats,
		CPU:     proc("/proc/cpuinfo", "model name"),
		CPUs:    runtime.NumCPU(),
		Memory:  memory(),
		Kernel:  "Linux " + version,
		Go:      strings.TrimPrefix(runtime.Version(), "go"),
		Node:    node(ctx),
		Rust:    rust(ctx),
		Load:    loadAverage(),
	}
}

func proc(file, key string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func memory() string {
	var kb float64
	if _, err := fmt.Sscanf(proc("/proc/meminfo", "MemTotal"), "%f kB", &kb); err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%.0f GB", kb/(1<<20))
}

func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	var load float64
	if _, err := fmt.Sscan(string(text), &load); err != nil {
		return 0
	}
	return load
}

func node(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return "none"
	}
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
}

// rust is the version of the compiler, or "" if there is none.
func rust(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "rustc", "--version").Output()
	if fields := strings.Fields(string(out)); err == nil && len(fields) > 1 {
		return fields[1]
	}
	return ""
}
