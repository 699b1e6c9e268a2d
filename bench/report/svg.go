package report

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// A small writer of plots: bars and lines, one file each, readable on a light
// and on a dark page.

const (
	plotWidth  = 860
	plotHeight = 340
	marginLeft = 64
	marginTop  = 56
	marginEnd  = 24
	marginLow  = 58
)

var colours = map[string]string{
	"gosio": "#00a3c4", "gosio-fiber": "#67c8dd", "gosio-metrics": "#007a94",
	"node-uws": "#d9822b", "node-ws": "#8f6bb8", "zishang": "#7a8794",
	"floor-gws": "#b5bd2f", "floor-coder": "#4f9d5d", "floor-nethttp": "#c65b7c",
}

// series is one server's values; NaN is a gap.
type series struct {
	name   string
	values []float64
}

// plot is a picture of some series over common labels.
type plot struct {
	title, unit string
	labels      []string
	series      []series
	log         bool // logarithmic scale
}

type canvas struct {
	strings.Builder
	plot
	low, high float64
	step      float64 // width of one label
}

func newCanvas(p plot) *canvas {
	c := &canvas{plot: p, low: math.Inf(1), high: 0}
	for _, s := range p.series {
		for _, v := range s.values {
			if v > 0 {
				c.low, c.high = min(c.low, v), max(c.high, v)
			}
		}
	}
	if c.high == 0 {
		c.low, c.high = 0.1, 1
	}
	if p.log {
		c.low = math.Pow(10, math.Floor(math.Log10(c.low)))
		c.high = math.Pow(10, math.Ceil(math.Log10(c.high*1.01)))
	} else {
		c.low, c.high = 0, niceTop(c.high)
	}
	c.step = float64(plotWidth-marginLeft-marginEnd) / float64(max(len(p.labels), 1))
	c.frame()
	return c
}

// niceTop rounds up to 1, 2, 4, 5 or 8 times a power of ten.
func niceTop(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, factor := range []float64{1, 2, 4, 5, 8} {
		if v <= factor*unit {
			return factor * unit
		}
	}
	return 10 * unit
}

func (c *canvas) y(v float64) float64 {
	part := v / c.high
	if c.log {
		part = math.Log(max(v, c.low)/c.low) / math.Log(c.high/c.low)
	}
	return plotHeight - marginLow - part*(plotHeight-marginTop-marginLow)
}

func (c *canvas) text(x, y float64, anchor, text string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(text))
}

func (c *canvas) frame() {
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#778">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(c, "<title>%s</title>\n", html.EscapeString(c.title))
	c.text(marginLeft, 18, "start", c.title+", "+c.unit)
	x := float64(marginLeft)
	for _, s := range c.series {
		fmt.Fprintf(c, `<rect x="%.1f" y="28" width="11" height="11" fill="%s"/>`+"\n", x, colour(s.name))
		c.text(x+15, 38, "start", s.name)
		x += 30 + 7.2*float64(len(s.name))
	}
	for _, tick := range c.ticks() {
		y := c.y(tick)
		fmt.Fprintf(c, `<path d="M%d %.1fH%d" stroke="#889" stroke-opacity=".3"/>`+"\n", marginLeft, y, plotWidth-marginEnd)
		c.text(marginLeft-6, y+4, "end", strconv.FormatFloat(tick, 'f', -1, 64))
	}
	for i, label := range c.labels {
		for row, part := range strings.Split(label, "\n") {
			c.text(c.middle(i), float64(plotHeight-marginLow+18+14*row), "middle", part)
		}
	}
}

func (c *canvas) ticks() []float64 {
	var ticks []float64
	if c.log {
		for v := c.low; v <= c.high*1.001; v *= 10 {
			ticks = append(ticks, v)
		}
		return ticks
	}
	for i := range 5 {
		ticks = append(ticks, c.high*float64(i)/4)
	}
	return ticks
}

func (c *canvas) middle(label int) float64 { return marginLeft + c.step*(float64(label)+0.5) }

func (c *canvas) end() string {
	c.WriteString("</svg>\n")
	return c.String()
}

func colour(name string) string {
	if found, ok := colours[name]; ok {
		return found
	}
	return "#999999"
}

// bars draws one group of bars per label.
func bars(p plot) string {
	c := newCanvas(p)
	width := c.step * 0.8 / float64(max(len(p.series), 1))
	for i, s := range p.series {
		for label, v := range s.values {
			if math.IsNaN(v) {
				continue
			}
			x, y := c.middle(label)-c.step*0.4+width*float64(i), c.y(v)
			fmt.Fprintf(c, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s: %.3g</title></rect>`+"\n",
				x, y, width*0.9, plotHeight-marginLow-y, colour(s.name), html.EscapeString(s.name), v)
		}
	}
	return c.end()
}

// lines draws one line per series.
func lines(p plot) string {
	c := newCanvas(p)
	for _, s := range p.series {
		points := []string{}
		for label, v := range s.values {
			if !math.IsNaN(v) {
				points = append(points, fmt.Sprintf("%.1f,%.1f", c.middle(label), c.y(v)))
			}
		}
		fmt.Fprintf(c, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"><title>%s</title></polyline>`+"\n",
			strings.Join(points, " "), colour(s.name), html.EscapeString(s.name))
	}
	return c.end()
}
