package pass

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/tilegate/tilegate/daemon/access"
)

// The message of an NTAG 424 DNA tag (NXP AN12196, "Secure Unique NFC message"):
// the tag writes its UID, how often it was read and a code over both into the
// address that it sends, anew at each reading.
const (
	uidSize     = 7
	counterSize = 3
	macSize     = 8
	// piccMirrors says that UID and counter are both there, the UID in 7 bytes
	// (AN12196 table 1, PICCDataTag).
	piccMirrors = 0xC7
)

// sunMessage is what an address of a tag says, and what its code may cover.
type sunMessage struct {
	picc    []byte // encrypted UID and counter; nil: they are in clear
	uid     []byte
	counter []byte // low byte first, as the codes have it
	mac     []byte
	covered []string // texts before the code that it may be over: the tag's settings choose
}

// parseSUN takes the message of a tag out of an address. It says false for
// whatever does not look like one, which then is plain text.
func (v *Verifier) parseSUN(text string) (sunMessage, bool) {
	at := strings.IndexByte(text, '?')
	if v.mac == nil || at < 0 || len(text) > maxText {
		return sunMessage{}, false
	}
	query := parseQuery(text, at+1)
	mac, ok := query.hex(macSize, "cmac", "c")
	if !ok {
		return sunMessage{}, false
	}
	m := sunMessage{mac: mac.bytes, covered: []string{""}}
	// 24 bytes are LRP mode, which is looked at only to be refused.
	picc, ok := query.hex(aes.BlockSize, "picc_data", "e")
	if !ok {
		picc, ok = query.hex(aes.BlockSize+8, "picc_data", "e")
	}
	if ok {
		m.picc = picc.bytes
		m.cover(text, picc.at, mac.at)
	} else {
		uid, hasUID := query.hex(uidSize, "uid")
		counter, hasCounter := query.hex(counterSize, "ctr")
		if !hasUID || !hasCounter {
			return sunMessage{}, false
		}
		m.uid, m.counter = uid.bytes, counter.bytes
		slices.Reverse(m.counter) // in clear the high byte is first
		m.cover(text, uid.at, mac.at)
	}
	if data, ok := query["enc"]; ok {
		m.cover(text, data.at, mac.at)
	}
	return m, true
}

// cover notes that the code may be over the text from one place up to itself.
func (m *sunMessage) cover(text string, from, mac int) {
	if from < mac {
		m.covered = append(m.covered, text[from:mac])
	}
}

// field is a value in an address, and where it begins.
type field struct {
	text  string
	bytes []byte
	at    int
}

type fields map[string]field

// parseQuery takes an address apart. Of a name that comes twice the first counts:
// the code tells whether that is the tag's own.
func parseQuery(text string, at int) fields {
	all := fields{}
	for at < len(text) {
		end := len(text)
		if i := strings.IndexAny(text[at:], "&#"); i >= 0 {
			end = at + i
		}
		name, value, _ := strings.Cut(text[at:end], "=")
		if _, twice := all[name]; !twice {
			all[name] = field{text: value, at: end - len(value)}
		}
		if end < len(text) && text[end] == '#' {
			break
		}
		at = end + 1
	}
	return all
}

// hex is the first of the names whose value is so many bytes in hex.
func (f fields) hex(size int, names ...string) (field, bool) {
	for _, name := range names {
		found, ok := f[name]
		if !ok || hex.DecodedLen(len(found.text)) != size || len(found.text)%2 != 0 {
			continue
		}
		bytes, err := hex.DecodeString(found.text)
		if err == nil {
			found.bytes = bytes
			return found, true
		}
	}
	return field{}, false
}

// verifySUN verifies the message of a tag.
func (v *Verifier) verifySUN(m sunMessage) Result {
	if m.picc != nil && !v.decrypt(&m) {
		return refused(access.SUN)
	}
	session := v.session(m.uid, m.counter)
	good := 0
	for _, text := range m.covered {
		full := session.sum([]byte(text))
		good |= subtle.ConstantTimeCompare(short(full), m.mac)
	}
	if good != 1 {
		return refused(access.SUN)
	}
	counter := uint64(m.counter[0]) | uint64(m.counter[1])<<8 | uint64(m.counter[2])<<16
	return Result{
		Kind: access.SUN, Value: hex.EncodeToString(m.uid), Assurance: access.SUN.DefaultAssurance(),
		Claim: access.Claim{Key: v.counterKey(m.uid), Counter: counter},
	}
}

// decrypt takes UID and counter out of the encrypted data (AN12196 §3.3).
func (v *Verifier) decrypt(m *sunMessage) bool {
	if v.meta == nil || len(m.picc) != aes.BlockSize {
		return false
	}
	var clear, zero [aes.BlockSize]byte
	cipher.NewCBCDecrypter(v.meta, zero[:]).CryptBlocks(clear[:], m.picc)
	if clear[0] != piccMirrors {
		return false
	}
	m.uid, m.counter = clear[1:1+uidSize], clear[1+uidSize:1+uidSize+counterSize]
	return true
}

// session is the code of one reading (AN12196 §3.4, SV2).
func (v *Verifier) session(uid, counter []byte) *cmac {
	vector := append([]byte{0x3C, 0xC3, 0x00, 0x01, 0x00, 0x80}, uid...)
	key := v.mac.sum(append(vector, counter...))
	session, _ := newCMAC(key[:]) // a sum has the length of a key
	return session
}

// short is what of a code the tag sends: every second byte, from the second on.
func short(full [aes.BlockSize]byte) []byte {
	out := make([]byte, macSize)
	for i := range out {
		out[i] = full[2*i+1]
	}
	return out
}

// counterKey is what stands for the counter of a tag. It is keyed, since a UID
// can be guessed; no session of a tag begins like this.
func (v *Verifier) counterKey(uid []byte) access.Digest {
	return v.mac.sum(append([]byte("tilegate counter"), uid...))
}
