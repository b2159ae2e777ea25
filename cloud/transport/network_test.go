package transport

import (
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// serve answers over real HTTP on the loopback.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestKeyNeverLeavesTheConfiguredHost(t *testing.T) {
	var elsewhere atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		cloud := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				t.Error("the cloud itself was not given the key")
			}
			http.Redirect(w, r, other+"/login?next="+r.URL.Path, status)
		})
		c := newTest(t, Options{BaseURL: cloud, Rate: 1000, Authorize: key("KISI-LOGIN s3cr3t-s3cr3t")})
		for _, method := range []string{"GET", "POST"} {
			if _, err := c.Do(t.Context(), Request{Method: method, Path: "/x", Body: 1}); !errors.Is(err, NotTheCloud) {
				t.Errorf("%s answered with %d: got %v, want NotTheCloud", method, status, err)
			}
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the other host got %d requests, want none", n)
	}
}

func TestAPathCannotNameAnotherHost(t *testing.T) {
	c := newTest(t, Options{RoundTripper: tripper(func(req *http.Request) (*http.Response, error) {
		if req.URL.Host != "cloud.example" || req.URL.Scheme != "https" {
			t.Errorf("a request went to %s", req.URL)
		}
		return says(200, "{}"), nil
	})})
	if _, err := c.line.dress(httptest.NewRequest("GET", "https://evil.example/x", nil)); err == nil {
		t.Error("a request to another host was given the key")
	}
	for _, path := range []string{"//evil.example/x", "/../..//evil.example", "/@evil.example", `/\evil.example`, "https://evil.example", "evil.example"} {
		_, _ = c.Do(t.Context(), Request{Path: path})
	}
}

func TestAnswersAreLimitedAfterDecompression(t *testing.T) {
	chunk := make([]byte, 1<<20)
	for _, test := range []struct {
		name   string
		packed bool
	}{{"a gzip bomb", true}, {"an endless body", false}} {
		t.Run(test.name, func(t *testing.T) {
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				var body interface{ Write([]byte) (int, error) } = w
				if test.packed {
					w.Header().Set("Content-Encoding", "gzip")
					body = gzip.NewWriter(w)
				}
				for range 256 { // MiB
					if _, err := body.Write(chunk); err != nil {
						return
					}
				}
			})
			c := newTest(t, Options{BaseURL: url, BodyLimit: 2 << 20})
			_, err := c.Do(t.Context(), Request{Path: "/x"})
			if !errors.Is(err, NotTheCloud) || !strings.Contains(err.Error(), "longer") {
				t.Errorf("got %v, want that the answer is too long", err)
			}
		})
	}
}

func TestASoundCompressedAnswerIsRead(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Error("compression was not offered")
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write([]byte(`[{"id":1}]`))
		_ = z.Close()
	})
	resp, err := newTest(t, Options{BaseURL: url}).Do(t.Context(), Request{Path: "/x"})
	if err != nil || string(resp.Body) != `[{"id":1}]` {
		t.Errorf("got %v, %v", resp, err)
	}
}

func TestBrokenAnswersAreNoAnswers(t *testing.T) {
	const short = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[{\"id\":1}]"
	for _, test := range []struct {
		name, raw string
		want      Kind
	}{
		{"shorter than it says", short, NotTheCloud},
		{"a chunk that ends early", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n[{\"id\":1}]", NotTheCloud},
		{"compression that is none", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 30\r\n\r\n" + strings.Repeat("x", 30), NotTheCloud},
		{"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", Offline},
		{"nothing", "", Offline},
	} {
		t.Run(test.name, func(t *testing.T) {
			var asked atomic.Int32
			c := newTest(t, Options{BaseURL: raw(t, &asked, test.raw), Tries: 2, Rate: 1000})
			_, err := c.Do(t.Context(), Request{Path: "/x"})
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if asked.Load() < 2 {
				t.Errorf("asked %d times, want a second try", asked.Load())
			}
		})
	}
}

// raw answers each connection with some bytes and hangs up.
func raw(t *testing.T, asked *atomic.Int32, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = conn.Write([]byte(answer))
			_ = conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestSlowAnswersAreGivenUp(t *testing.T) {
	const patience = 200 * time.Millisecond
	never := func(t *testing.T, options Options, h http.HandlerFunc) {
		reg := prometheus.NewRegistry()
		options.BaseURL, options.Tries, options.Metrics = serve(t, h), 1, reg
		c := newTest(t, options)
		_, err := c.Do(t.Context(), Request{Path: "/x"})
		if !errors.Is(err, Offline) || !strings.Contains(err.Error(), "no answer in time") {
			t.Errorf("got %v, want that no answer came in time", err)
		}
		if got := testutil.ToFloat64(c.line.meter.requests[codeTimeout]); got != 1 {
			t.Errorf("%v requests were counted as timed out, want 1", got)
		}
	}
	begin := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("["))
		_ = http.NewResponseController(w).Flush()
	}
	t.Run("nothing at all", func(t *testing.T) {
		never(t, Options{Idle: patience}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	})
	t.Run("nothing after the first byte", func(t *testing.T) {
		never(t, Options{Idle: patience}, func(w http.ResponseWriter, r *http.Request) { begin(w); <-r.Context().Done() })
	})
	t.Run("a byte now and then", func(t *testing.T) {
		never(t, Options{Idle: time.Minute, Try: patience}, func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		})
	})
}

// drip is a body that gives one byte at a time, slowly, until it is given up.
type drip struct {
	rest    string
	pause   time.Duration
	givenUp func() error
}

func (d *drip) Read(p []byte) (int, error) {
	if d.rest == "" {
		return 0, io.EOF
	}
	time.Sleep(d.pause)
	if err := d.givenUp(); err != nil {
		return 0, err
	}
	n := copy(p, d.rest[:1])
	d.rest = d.rest[1:]
	return n, nil
}

func TestASlowAnswerThatGoesOnComingIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Options{Idle: 5 * time.Second, Try: 5 * time.Minute, RoundTripper: tripper(func(req *http.Request) (*http.Response, error) {
			resp := says(200, "")
			resp.Body = io.NopCloser(&drip{"[1,2,3,4,5,6,7,8]", 4 * time.Second, req.Context().Err})
			return resp, nil
		})})
		began := time.Now()
		resp, err := c.Do(t.Context(), Request{Path: "/x"})
		if err != nil || string(resp.Body) != "[1,2,3,4,5,6,7,8]" || time.Since(began) < time.Minute {
			t.Errorf("got %v, %v after %v; want the answer after a minute", resp, err, time.Since(began))
		}
	})
}

func TestARefusedConnectionIsOffline(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	c := newTest(t, Options{BaseURL: "http://" + l.Addr().String(), Tries: 1})
	_, err = c.Do(t.Context(), Request{Path: "/x"})
	var e *Error
	if !errors.As(err, &e) || e.Kind != Offline || !e.unsent {
		t.Errorf("got %v, want Offline, not sent", err)
	}
}

// certificate makes a server certificate and the pool that trusts it.
func certificate(t *testing.T, host string, from, until time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "cloud"}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, pool
}

func TestCertificateFaultsAreNamedAndNotTriedAgain(t *testing.T) {
	day := 24 * time.Hour
	now := time.Now()
	for _, test := range []struct {
		name        string
		host        string
		from, until time.Time
		trusted     bool
		oldest      bool // the server speaks TLS 1.0 only
		dates       bool // the dates are what is wrong
		want        string
	}{
		{"expired", "127.0.0.1", now.Add(-9 * day), now.Add(-day), true, false, true, "the certificate ended on"},
		{"not yet valid", "127.0.0.1", now.Add(day), now.Add(9 * day), true, false, true, "the clock of this box is behind"},
		{"of another host", "other.example", now.Add(-day), now.Add(day), true, false, false, "belongs to another host"},
		{"of an unknown authority", "127.0.0.1", now.Add(-day), now.Add(day), false, false, false, "somebody this box does not know"},
		{"TLS 1.0 only", "127.0.0.1", now.Add(-day), now.Add(day), true, true, false, "does not speak the TLS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var tried atomic.Int32
			certificate, pool := certificate(t, test.host, test.from, test.until)
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came through") }))
			s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			if test.oldest {
				s.TLS.MinVersion, s.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
			}
			s.Config.ErrorLog = quiet()
			s.StartTLS()
			t.Cleanup(s.Close)
			trip := newRoundTripper(time.Minute)
			if test.trusted {
				trip.TLSClientConfig.RootCAs = pool
			}
			c := newTest(t, Options{BaseURL: s.URL, Rate: 1000, RoundTripper: tripper(func(r *http.Request) (*http.Response, error) {
				tried.Add(1)
				return trip.RoundTrip(r)
			})})
			_, err := c.Do(t.Context(), Request{Path: "/x"})
			if !errors.Is(err, Offline) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want Offline with %q", err, test.want)
			}
			if e, ok := errors.AsType[*Error](err); !ok || e.OutOfDate != test.dates { // F-16
				t.Errorf("out of date: got %+v, want %v", e, test.dates)
			}
			if n := tried.Load(); n != 1 {
				t.Errorf("tried %d times, want once", n)
			}
			if got := testutil.ToFloat64(c.line.meter.requests[codeTLS]); got != 1 {
				t.Errorf("%v requests were counted under tls, want 1", got)
			}
		})
	}
}

func TestPlainHTTPWhereTLSWasDueIsALoginPageOrAProxy(t *testing.T) {
	plain := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>") })
	c := newTest(t, Options{BaseURL: strings.Replace(plain, "http:", "https:", 1), Authorize: key("KEY s3cr3t-s3cr3t")})
	_, err := c.Do(t.Context(), Request{Path: "/x"})
	if !errors.Is(err, Offline) {
		t.Errorf("got %v, want Offline", err)
	}
}
