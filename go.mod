module github.com/gosio/gosio

go 1.25.0

require github.com/coder/websocket v1.8.15

require github.com/golang-jwt/jwt/v5 v5.3.1
