package cloudtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Transport answers requests from a handler in memory: no socket, and no
// goroutine but the caller's, so that it may be used inside a synctest bubble.
// A handler that aborts is a connection that was reset; one that writes less
// than its Content-Length is a body that ends in io.ErrUnexpectedEOF. A context
// that ends while the handler works ends the round trip with its error.
func Transport(h http.Handler) http.RoundTripper { return inMemory{h} }

type inMemory struct{ handler http.Handler }

// RoundTrip answers one request.
func (t inMemory) RoundTrip(req *http.Request) (*http.Response, error) {
	defer closeBody(req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	in, err := asServerSees(req)
	if err != nil {
		return nil, err
	}
	rec := &recorder{header: http.Header{}}
	aborted := rec.run(t.handler, in)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if aborted && rec.status == 0 {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return rec.response(req, aborted), nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// asServerSees makes the request that a server would hand to its handler.
func asServerSees(req *http.Request) (*http.Request, error) {
	in := req.Clone(req.Context())
	in.Body = http.NoBody
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		in.Body = io.NopCloser(bytes.NewReader(body))
		in.ContentLength = int64(len(body))
	}
	in.RequestURI = req.URL.RequestURI()
	in.Host = req.Host
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	in.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	in.RemoteAddr = "192.0.2.1:40000" // RFC 5737: an address for documents
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	return in, nil
}

// recorder takes what a handler writes.
type recorder struct {
	header http.Header
	sent   http.Header
	status int
	body   bytes.Buffer
}

// Header is the header to be sent.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader sends the header, once.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status, r.sent = status, r.header.Clone()
	}
}

// Write adds to the body.
func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

// run calls the handler and says whether it aborted.
func (r *recorder) run(h http.Handler, req *http.Request) (aborted bool) {
	defer func() {
		switch caught := recover(); caught {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(caught)
		}
	}()
	h.ServeHTTP(r, req)
	r.WriteHeader(http.StatusOK)
	return false
}

func (r *recorder) response(req *http.Request, aborted bool) *http.Response {
	length := int64(r.body.Len())
	if declared, err := strconv.ParseInt(r.sent.Get("Content-Length"), 10, 64); err == nil {
		aborted = aborted || declared > length
		length = declared
	} else if aborted {
		length = -1
	}
	var body io.Reader = &r.body
	if aborted {
		body = io.MultiReader(body, brokenReader{})
	}
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", r.status, http.StatusText(r.status)),
		StatusCode:    r.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        r.sent,
		Body:          io.NopCloser(body),
		ContentLength: length,
		Request:       req,
	}
}

type brokenReader struct{}

// Read says that the rest never came.
func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Serve listens on addr, which is to be on loopback ("127.0.0.1:0" for any free
// port), and answers from the handler until stop is called or ctx ends. Stop
// breaks what is under way, waits for it, and may be called twice.
func Serve(ctx context.Context, h http.Handler, addr string) (base string, stop func(), err error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("fake cloud: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // always an error: that it was closed
	}()
	var once sync.Once
	end := func() {
		once.Do(func() {
			_ = server.Close()
			<-ended
		})
	}
	release := context.AfterFunc(ctx, end)
	return "http://" + listener.Addr().String(), func() { release(); end() }, nil
}
