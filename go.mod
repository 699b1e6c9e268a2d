module github.com/gosio/gosio

go 1.25.0
