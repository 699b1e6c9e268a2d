// Command server is what conformance/webtransport tests: Socket.IO by HTTP and
// by WebTransport on one port, with a certificate that it makes for itself. It
// prints the port and the certificate's SHA-256 in base64, and ends with its
// standard input.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/transports/webtransport"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	origins := flag.String("origins", "", "pages that may connect, separated by commas")
	interval := flag.Duration("ping", 25*time.Second, "between two pings")
	transports := flag.String("transports", "polling,websocket,webtransport", "separated by commas")
	flag.Parse()
	io4 := socketio.NewServer(&socketio.Options{
		Transports:   strings.Split(*transports, ","),
		CORS:         socketio.CORS{Origins: strings.Split(*origins, ",")},
		PingInterval: *interval,
		PingTimeout:  4 * *interval,
	})
	handlers(io4)
	cert, err := certificate()
	if err != nil {
		return err
	}
	tcp, udp, err := listen()
	if err != nil {
		return err
	}
	hs := &http.Server{Handler: io4, ReadHeaderTimeout: 10 * time.Second}
	h3 := webtransport.New(io4, webtransport.Options{TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}})
	served := make(chan error, 2)
	go func() { served <- hs.Serve(tcp) }() // end with Shutdown
	go func() { served <- h3.Serve(udp) }()
	sum := sha256.Sum256(cert.Certificate[0])
	fmt.Printf("listening %d %s\n", tcp.Addr().(*net.TCPAddr).Port, base64.StdEncoding.EncodeToString(sum[:])) //nolint:forbidigo // the parent reads it
	_, _ = io.Copy(io.Discard, os.Stdin)                                                                       // until the parent ends, or has enough

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = errors.Join(io4.Shutdown(ctx), h3.Shutdown(ctx), hs.Shutdown(ctx))
	for range 2 {
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return errors.Join(err, udp.Close())
}

func handlers(srv *socketio.Server) {
	srv.On("echo", func(s *socketio.Socket, args ...any) error { return s.Emit("echo", args...) })
	srv.On("ask", func(value any) any { return value })
	srv.On("transport", func(s *socketio.Socket) string { return s.Transport() })
	srv.On("origin", func(s *socketio.Socket) string { return s.Handshake().Header().Get("Origin") })
	srv.On("cut", func(s *socketio.Socket) { s.CloseTransport() })
	srv.On("kick", func(s *socketio.Socket) error {
		err := s.Emit("last words")
		s.Disconnect(true)
		return err
	})
}

// docs:certificate

// certificate makes one that browsers take by its hash: ECDSA on P-256, valid
// for less than 14 days.
// See https://www.w3.org/TR/webtransport/#custom-certificate-requirements.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().Unix()), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(10 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// docs:end

// listen finds a port that is free on TCP and on UDP.
func listen() (net.Listener, net.PacketConn, error) {
	var errs error
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, err
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err == nil {
			return tcp, udp, nil
		}
		errs = errors.Join(errs, err, tcp.Close())
	}
	return nil, nil, errs
}
