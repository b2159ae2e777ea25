package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"
)

// broken sorts why no whole answer came.
func (l *line) broken(ctx context.Context, call *call, err error) *Error {
	e := l.fault(call, Offline, 0, "no connection", err)
	e.code, e.passing = codeOffline, true
	var dial *net.OpError
	var name *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.code, e.passing = codeCancelled, false
	case errors.Is(err, errLong):
		e.Kind, e.code, e.passing = NotTheCloud, codeNotTheCloud, false
		e.Message, e.Hint, e.Err = errLong.Error(), hints[NotTheCloud], nil
	case tlsFault(e, err):
		e.code, e.passing, e.unsent = codeTLS, false, true
	case errors.As(err, &name):
		e.Message, e.unsent = "the name of the cloud was not found", true
	case errors.Is(err, errSilent), errors.Is(err, errSlow), errors.As(err, &timeout) && timeout.Timeout():
		e.Message, e.code = "no answer in time", codeTimeout
		e.unsent = errors.As(err, &dial) && dial.Op == "dial"
	case errors.As(err, &dial):
		e.unsent = dial.Op == "dial"
	case errors.Is(err, errShort): // shorter than it said, or its compression is broken
		e.Kind, e.code = NotTheCloud, codeNotTheCloud
		e.Message, e.Hint = "the answer is not whole", hints[NotTheCloud]
	}
	return e
}

// tlsFault says in e what is wrong with the certificate or the handshake.
func tlsFault(e *Error, err error) bool {
	var (
		invalid   x509.CertificateInvalidError
		host      x509.HostnameError
		authority x509.UnknownAuthorityError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     *net.OpError // crypto/tls reports alerts as the operations "remote error" and "local error"
	)
	e.Hint = "check the network: a proxy or a login page may stand in between, or the certificates of this box are old (package ca-certificates)"
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.OutOfDate = true
		e.Message, e.Hint = datesOf(invalid.Cert, time.Now())
	case errors.As(err, &host):
		e.Message = "the certificate belongs to another host"
	case errors.As(err, &authority):
		e.Message = "the certificate was signed by somebody this box does not know"
	case errors.As(err, &invalid), errors.As(err, &verify):
		e.Message = "the certificate of the cloud is not valid"
	case errors.As(err, &record), errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error"):
		e.Message = "the other end does not speak the TLS of the cloud"
	default:
		e.Hint = hints[Offline]
		return false
	}
	return true
}

// datesOf words a certificate that is out of its dates: seen from a gateway
// without a clock battery, it is mostly the clock that is wrong.
func datesOf(cert *x509.Certificate, now time.Time) (message, hint string) {
	const day = "2006-01-02"
	if now.Before(cert.NotBefore) {
		return fmt.Sprintf("the certificate is not valid before %s and this box has %s", cert.NotBefore.UTC().Format(day), now.UTC().Format(day)),
			"the clock of this box is behind: set it (timedatectl) and check its time service"
	}
	return fmt.Sprintf("the certificate ended on %s and this box has %s", cert.NotAfter.UTC().Format(day), now.UTC().Format(day)),
		"if the date of this box is wrong, set it (timedatectl); else the cloud or a proxy has let its certificate run out"
}
