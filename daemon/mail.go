package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/smtp"
	"strings"
	"time"

	"github.com/tilegate/tilegate/cloud/secret"
	"github.com/tilegate/tilegate/daemon/config"
)

// mailPatience bounds a whole delivery.
const mailPatience = 30 * time.Second

// sendMail delivers an alert by SMTP (RFC 5321). STARTTLS (RFC 3207) is demanded
// unless the server is on this machine: a password must not cross a network in
// the clear.
func sendMail(ctx context.Context, settings *config.Options, m alertMessage) (err error) {
	mail := settings.Alert.Mail
	host, _, err := net.SplitHostPort(mail.Server)
	if err != nil {
		return fmt.Errorf("mail: server %q: write it as host:port", mail.Server)
	}
	ctx, cancel := context.WithTimeout(ctx, mailPatience)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", mail.Server)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return fmt.Errorf("mail: %w", errors.Join(err, conn.Close()))
	}
	defer client.Close() //nolint:errcheck // Quit reports what matters
	if err := secureMail(client, mail, host); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if err := client.Mail(mail.From); err != nil {
		return fmt.Errorf("mail: sender %s: %w", mail.From, err)
	}
	for _, to := range mail.To {
		if err := client.Rcpt(to); err != nil {
			return fmt.Errorf("mail: recipient %s: %w", to, err)
		}
	}
	w, err := client.Data()
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	_, err = w.Write(mailText(mail, m))
	if err := errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return client.Quit()
}

func secureMail(client *smtp.Client, mail *config.Mail, host string) error {
	local := host == "localhost"
	if ip := net.ParseIP(host); ip != nil {
		local = ip.IsLoopback()
	}
	if ok, _ := client.Extension("STARTTLS"); ok {
		if err := client.StartTLS(&tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}); err != nil {
			return err
		}
	} else if !local {
		return fmt.Errorf("server %s offers no STARTTLS; use one that does, or a relay on this machine", host)
	}
	if mail.User == "" {
		return nil
	}
	password, err := secret.Read(mail.PasswordFile)
	if err != nil {
		return err
	}
	return client.Auth(smtp.PlainAuth("", mail.User, password, host))
}

// mailText is the message: what began, what ended, what is still wrong.
func mailText(mail *config.Mail, m alertMessage) []byte {
	subject := fmt.Sprintf("[%s] all is well again", m.Name)
	if len(m.Troubles) > 0 {
		subject = fmt.Sprintf("[%s] %s", m.Name, m.Troubles[0].Title)
		if len(m.Troubles) > 1 {
			subject += fmt.Sprintf(" and %d more", len(m.Troubles)-1)
		}
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("From: %s", headerValue(mail.From))
	line("To: %s", headerValue(strings.Join(mail.To, ", ")))
	line("Subject: %s", mime.QEncoding.Encode("utf-8", headerValue(subject)))
	line("Date: %s", m.At.Format(time.RFC1123Z))
	line("MIME-Version: 1.0")
	line("Content-Type: text/plain; charset=utf-8")
	line("Auto-Submitted: auto-generated")
	line("")
	for _, t := range m.Began {
		line("NEW: %s %s", t.Title, t.Subject)
		line("     %s", oneLine(t.Text))
		line("     since %s", t.Since.Format(time.RFC3339))
		line("")
	}
	for _, t := range m.Ended {
		line("ENDED: %s %s", t.Title, t.Subject)
	}
	if len(m.Troubles) > len(m.Began) {
		line("")
		line("Still open:")
		for _, t := range m.Troubles {
			line("  %s %s, since %s", t.Title, t.Subject, t.Since.Format(time.RFC3339))
		}
	}
	line("")
	line("On the gateway: tilegate status")
	return []byte(b.String())
}

// headerValue keeps a name with a line break from adding a header.
func headerValue(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }
