package cloudtest

import (
	"bytes"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// object is one JSON object.
type object = map[string]any

// reply is what an endpoint says, before it is made bytes.
type reply struct {
	status     int
	body       any // nil: no body
	collection string
	headers    map[string]string
}

func ok(body any) reply { return reply{status: http.StatusOK, body: body} }

func done() reply { return reply{status: http.StatusNoContent} }

// fail is the body of every error but a failed validation (OpenAPI document, schema Error).
func fail(status int, code, message string) reply {
	return reply{status: status, body: object{"code": code, "error": message}}
}

// invalid is the body of 422.
func invalid(errs map[string][]string) reply {
	return reply{status: http.StatusUnprocessableEntity, body: object{"errors": errs}}
}

func notFound() reply { return fail(http.StatusNotFound, "000404", "Not found.") }

func (k *Kisi) tooMany() reply {
	r := fail(http.StatusTooManyRequests, "000429", "Too many requests.") // the code is invented: none is documented
	if k.opts.RetryAfter {
		r.headers = map[string]string{"Retry-After": "1"}
	}
	return r
}

// answer is a reply as bytes, and how they are to be sent.
type answer struct {
	status  int
	headers map[string]string
	body    []byte
	date    time.Time
	cut     bool // no answer: the connection breaks
	half    bool // the connection breaks in the middle of the body
}

// render makes a reply into bytes as Kisi sends them.
func (k *Kisi) render(r reply) answer {
	a := answer{status: r.status, headers: map[string]string{}}
	maps.Copy(a.headers, r.headers)
	if r.collection != "" {
		a.headers["X-Collection-Range"] = r.collection
	}
	if r.body == nil {
		return a
	}
	body := r.body
	if k.faults.extra {
		body = withExtraFields(body)
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic("cloudtest: an answer that is no JSON: " + err.Error())
	}
	a.body = text
	a.headers["Content-Type"] = "application/json; charset=utf-8"
	return a
}

// withExtraFields adds what no document names to every object.
func withExtraFields(v any) any {
	switch v := v.(type) {
	case object:
		out := make(object, len(v)+2)
		for name, value := range v {
			out[name] = withExtraFields(value)
		}
		out["x_new_since_yesterday"] = object{"id": "not a number", "values": []any{1, nil, "two"}}
		out["X"] = nil
		return out
	case []object:
		out := make([]any, len(v))
		for i, o := range v {
			out[i] = withExtraFields(o)
		}
		return out
	default:
		return v
	}
}

func (a *answer) write(w http.ResponseWriter) {
	if a.cut {
		reset(w)
		panic(http.ErrAbortHandler)
	}
	h := w.Header()
	for _, name := range slices.Sorted(maps.Keys(a.headers)) {
		h.Set(name, a.headers[name])
	}
	h.Set("Date", a.date.UTC().Format(http.TimeFormat))
	if len(a.body) > 0 {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if a.half {
		_, _ = w.Write(a.body[:len(a.body)/2])
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(bytes.Clone(a.body))
}

// reset breaks a real connection with RST, as a cable or a firewall does; in
// memory the panic of the caller is enough.
func reset(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// nullable is a string, or null when it is empty.
func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// nullID is an id, or null when it is 0.
func nullID(id int) any {
	if id == 0 {
		return nil
	}
	return id
}

// at is an instant as Kisi writes it, or null when it is zero.
func (k *Kisi) at(t time.Time) any {
	switch {
	case t.IsZero():
		return nil
	case k.opts.Milliseconds:
		return t.UTC().Format("2006-01-02T15:04:05.000Z")
	default:
		return t.UTC().Format(time.RFC3339)
	}
}
