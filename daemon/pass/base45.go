package pass

import "errors"

// The alphabet of RFC 9285 §4: what a QR code holds in its alphanumeric mode.
const base45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

var errBase45 = errors.New("not Base45")

// encode45 is bytes as Base45 (RFC 9285).
func encode45(in []byte) string {
	out := make([]byte, 0, (len(in)+1)/2*3)
	for ; len(in) >= 2; in = in[2:] {
		n := int(in[0])<<8 | int(in[1])
		out = append(out, base45[n%45], base45[n/45%45], base45[n/(45*45)])
	}
	if len(in) == 1 {
		out = append(out, base45[in[0]%45], base45[in[0]/45])
	}
	return string(out)
}

// decode45 is the only bytes that a Base45 text stands for (RFC 9285 §4.2). It
// refuses every character outside the alphabet, small letters too, every group
// that means more than its bytes can hold, and a lone character at the end.
func decode45(in string) ([]byte, error) {
	out := make([]byte, 0, len(in)/3*2+1)
	for ; len(in) >= 3; in = in[3:] {
		a, b, c := digit45(in[0]), digit45(in[1]), digit45(in[2])
		n := a + 45*b + 45*45*c
		if a < 0 || b < 0 || c < 0 || n > 0xFFFF {
			return nil, errBase45
		}
		out = append(out, byte(n>>8), byte(n))
	}
	switch len(in) {
	case 0:
		return out, nil
	case 2:
		a, b := digit45(in[0]), digit45(in[1])
		if a < 0 || b < 0 || a+45*b > 0xFF {
			return nil, errBase45
		}
		return append(out, byte(a+45*b)), nil
	}
	return nil, errBase45
}

// digit45 is what a character stands for, or -1.
func digit45(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 10
	}
	for i := 36; i < len(base45); i++ {
		if base45[i] == c {
			return i
		}
	}
	return -1
}
