package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Role is what a socket lets its callers do.
type Role uint8

// The roles of sockets.
const (
	View    Role = iota // look
	Operate             // look and act
)

// limits bound what callers can cost the gateway; each socket has its own.
type limits struct {
	body      int64         // bytes of a request
	conns     int           // open connections
	requests  int           // under way at once, followers included
	followers int           // under way at once
	header    time.Duration // for a request's header to arrive
	read      time.Duration // for a whole request to arrive
	write     time.Duration // for an answer, or one line of a stream, to be taken
	stop      time.Duration // for requests to end when the gateway stops
}

var usualLimits = limits{
	body: 64 << 10, conns: 128, requests: 32, followers: 16,
	header: 5 * time.Second, read: 10 * time.Second, write: 30 * time.Second, stop: 2 * time.Second,
}

// Server answers the operator's tool. One server may serve both sockets.
type Server struct {
	ops    Operations
	log    hclog.Logger
	limits limits
}

// NewServer makes a server of the given operations. It starts nothing; a nil
// log is silent.
func NewServer(ops Operations, log hclog.Logger) *Server {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	return &Server{ops: ops, log: log, limits: usualLimits}
}

// Serve answers on a listener, which it closes, until ctx ends; requests that
// are under way then are cancelled and waited for, briefly. It returns nil when
// ctx ended or somebody closed the listener, and an error when the listener
// broke. Callers of a View socket may only look.
func (s *Server) Serve(ctx context.Context, listener net.Listener, role Role) error {
	hs := &http.Server{
		Handler:           s.handler(role),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       s.connContext,
		ReadHeaderTimeout: s.limits.header,
		ReadTimeout:       s.limits.read,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          s.log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Warn}),
	}
	stopped := make(chan struct{})
	broke := context.AfterFunc(ctx, func() {
		defer close(stopped)
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.stop)
		defer cancel()
		if err := hs.Shutdown(patience); err != nil {
			_ = hs.Close()
		}
	})
	err := hs.Serve(&boundedListener{Listener: listener, free: tokens(s.limits.conns)})
	if broke() {
		if errors.Is(err, net.ErrClosed) { // its owner tears it down before ctx ends
			return hs.Close()
		}
		return fmt.Errorf("control socket %s: %w", listener.Addr(), errors.Join(err, hs.Close()))
	}
	<-stopped
	return nil
}

// callerKey is where a connection's context keeps its Caller.
type callerKey struct{}

func (s *Server) connContext(ctx context.Context, conn net.Conn) context.Context {
	if bounded, ok := conn.(*boundedConn); ok {
		conn = bounded.Conn
	}
	caller, err := peer(conn)
	if err != nil {
		s.log.Warn("caller unknown", "error", err)
		return ctx
	}
	return context.WithValue(ctx, callerKey{}, caller)
}

// handler is every operation behind the limits of one socket.
func (s *Server) handler(role Role) http.Handler {
	mux := http.NewServeMux()
	follow := tokens(s.limits.followers)
	for _, route := range s.routes() {
		mux.Handle(route.pattern, s.gate(role, route, follow))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, &Error{
			Code: NotFound, Message: fmt.Sprintf("there is no operation %s %s", r.Method, r.URL.Path),
			Hint: "the tool and the gateway may be of different versions, see: tilegate version, tilegate status",
		})
	})
	free := tokens(s.limits.requests)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !free.take() {
			s.refuse(w, &Error{Code: Busy, Message: "too many requests at once", Hint: "try again in a moment"})
			return
		}
		defer free.give()
		r.Body = http.MaxBytesReader(w, r.Body, s.limits.body)
		mux.ServeHTTP(w, r)
	})
}

// gate lets a caller through to a route, and answers.
func (s *Server) gate(role Role, route route, follow tokenBox) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, known := r.Context().Value(callerKey{}).(Caller)
		if route.acts && (role != Operate || !known) {
			s.refuse(w, &Error{
				Code: Forbidden, Message: "this needs the operate socket",
				Hint: "be in group " + OperateGroup + " (sudo usermod -aG " + OperateGroup + " YOU, then sign in again)",
			})
			return
		}
		if route.stream != nil {
			if !follow.take() {
				s.refuse(w, &Error{Code: Busy, Message: "too many follow events or pair readers already", Hint: "end another, such as: tilegate event follow"})
				return
			}
			defer follow.give()
			err := s.stream(w, r, caller, route)
			if route.acts {
				s.acted(route, r, caller, err)
			}
			return
		}
		answer, err := route.answer(r, caller)
		if route.acts {
			s.acted(route, r, caller, err)
		}
		if err != nil {
			s.refuse(w, asError(err))
			return
		}
		s.reply(w, http.StatusOK, answer)
	})
}

// acted logs who did what; what came of it is in the journal.
func (s *Server) acted(route route, r *http.Request, caller Caller, err error) {
	log := s.log.With("operation", route.pattern, "caller", caller.Name, "uid", caller.UID)
	if door := r.PathValue("door"); door != "" {
		log = log.With("door", door)
	}
	if err != nil {
		log.Warn("operator tried to act", "error", err)
		return
	}
	log.Info("operator acted")
}

func (s *Server) refuse(w http.ResponseWriter, err *Error) { s.reply(w, err.status(), err) }

func (s *Server) reply(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		s.log.Error("answer cannot be written as JSON", "error", err)
		status, body = http.StatusInternalServerError, []byte(`{"code":"failed","error":"the answer cannot be written as JSON"}`)
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.limits.write))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the caller is gone; nobody is left to tell
}

// stream sends one JSON value a line. The header goes out at once, so that the
// caller knows that it is heard. An error at the end is a last line of its own.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, caller Caller, route route) error {
	out := http.NewResponseController(w)
	started := false
	send := func(value any) error {
		if err := out.SetWriteDeadline(time.Now().Add(s.limits.write)); err != nil {
			return err
		}
		if err := json.NewEncoder(w).Encode(value); err != nil {
			return err
		}
		return out.Flush()
	}
	start := func() error {
		started = true
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.WriteHeader(http.StatusOK)
		return out.Flush()
	}
	err := route.stream(r, caller, start, send)
	switch {
	case r.Context().Err() != nil:
	case err == nil:
		_ = send(done{true}) // the caller is gone; nobody is left to tell
	case started:
		_ = send(asError(err)) // as above
	default:
		s.refuse(w, asError(err))
	}
	return err
}

// done is the last line of a stream that came to its end.
type done struct {
	Done bool `json:"done"`
}

// decode reads the one JSON value of a request, strictly: a field that this
// gateway does not know would otherwise be a wish silently not granted.
func decode(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		_, err = dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.Join(errors.New("more than one value"), err)
	}
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = fmt.Errorf("more than %d bytes", large.Limit)
	}
	return &Error{Code: BadRequest, Message: "the request cannot be read: " + err.Error()}
}

// tokenBox holds what may be under way at once.
type tokenBox chan struct{}

func tokens(n int) tokenBox { return make(tokenBox, n) }

// take never waits.
func (b tokenBox) take() bool {
	select {
	case b <- struct{}{}:
		return true
	default:
		return false
	}
}

func (b tokenBox) give() { <-b }

// boundedListener hangs up on connections beyond its bound, so that a caller
// who opens many cannot use up the gateway's file descriptors.
type boundedListener struct {
	net.Listener
	free tokenBox
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.free.take() {
			return &boundedConn{Conn: conn, give: sync.OnceFunc(l.free.give)}, nil
		}
		_ = conn.Close()
	}
}

// boundedConn gives its place back once, however often it is closed.
type boundedConn struct {
	net.Conn
	give func()
}

func (c *boundedConn) Close() error {
	defer c.give()
	return c.Conn.Close()
}
