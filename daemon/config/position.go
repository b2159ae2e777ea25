package config

import (
	"strconv"
	"strings"
)

// positions says on which line of a TOML text each key stands, by its full path
// with the index of each list: door[1].reader.port. The TOML reader checks the
// text but does not tell where its keys are, so this walks the text a second
// time. It expects a text that the reader accepted; on any other it stops early
// and never fails.
func positions(text string) map[string]int {
	for _, mark := range []string{"\ufeff", "\xff\xfe", "\xfe\xff"} {
		if rest, ok := strings.CutPrefix(text, mark); ok { // the reader steps over these byte order marks too
			text = rest
			break
		}
	}
	p := &positioner{text: text, line: 1, lines: map[string]int{}, count: map[string]int{}}
	for p.skip(true); p.more(); p.skip(true) {
		before := p.at
		if p.peek() == '[' {
			p.header()
		} else {
			p.pair(p.table)
		}
		if p.at == before {
			break
		}
	}
	return p.lines
}

type positioner struct {
	text  string
	at    int
	line  int
	table string         // the path that the last header opened
	lines map[string]int // what was found
	count map[string]int // how many tables a list has so far, by path
}

func (p *positioner) more() bool { return p.at < len(p.text) }

func (p *positioner) peek() byte {
	if !p.more() {
		return 0
	}
	return p.text[p.at]
}

// next steps over n bytes and counts the lines in them.
func (p *positioner) next(n int) {
	end := min(p.at+n, len(p.text))
	p.line += strings.Count(p.text[p.at:end], "\n")
	p.at = end
}

// skip steps over blanks and, if asked, over ends of lines and comments.
func (p *positioner) skip(lines bool) {
	for p.more() {
		switch c := p.peek(); {
		case c == ' ' || c == '\t' || c == '\r':
			p.next(1)
		case lines && c == '\n':
			p.next(1)
		case lines && c == '#':
			if end := strings.IndexByte(p.text[p.at:], '\n'); end >= 0 {
				p.next(end)
			} else {
				p.next(len(p.text))
			}
		default:
			return
		}
	}
}

// note keeps the first line where a path was seen.
func (p *positioner) note(path string, line int) {
	if _, seen := p.lines[path]; !seen {
		p.lines[path] = line
	}
}

// header reads [a.b] or [[a.b]].
func (p *positioner) header() {
	line, list := p.line, strings.HasPrefix(p.text[p.at:], "[[")
	brackets := 1
	if list {
		brackets = 2
	}
	p.next(brackets)
	keys := p.keys()
	path := ""
	for i, key := range keys {
		path = below(path, key)
		p.note(path, line)
		if last := i == len(keys)-1; last && list {
			p.count[path]++
		}
		if n := p.count[path]; n > 0 {
			path = element(path, n-1)
			p.note(path, line)
		}
	}
	p.table = path
	p.next(brackets)
}

// pair reads key = value below a path.
func (p *positioner) pair(path string) {
	line := p.line
	for _, key := range p.keys() {
		path = below(path, key)
		p.note(path, line)
	}
	if p.peek() != '=' {
		return
	}
	p.next(1)
	p.skip(false)
	p.value(path)
}

// keys reads a dotted key.
func (p *positioner) keys() []string {
	var keys []string
	for {
		p.skip(false)
		key, ok := p.key()
		if !ok {
			return keys
		}
		keys = append(keys, key)
		p.skip(false)
		if p.peek() != '.' {
			return keys
		}
		p.next(1)
	}
}

func (p *positioner) key() (string, bool) {
	if c := p.peek(); c == '"' || c == '\'' {
		from := p.at
		p.quoted()
		return unquote(p.text[from:p.at]), true
	}
	from := p.at
	for p.more() && !strings.ContainsRune(" \t\r\n.=[]{},#\"'", rune(p.peek())) {
		p.next(1)
	}
	return p.text[from:p.at], p.at > from
}

// value steps over one value and notes the keys and elements inside it.
func (p *positioner) value(path string) {
	switch p.peek() {
	case '"', '\'':
		p.quoted()
	case '[':
		p.inside(']', func(i int) {
			p.note(element(path, i), p.line)
			p.value(element(path, i))
		})
	case '{':
		p.inside('}', func(int) { p.pair(path) })
	default:
		for p.more() && !strings.ContainsRune(",]}\n#", rune(p.peek())) {
			p.next(1)
		}
	}
}

// inside reads what stands between brackets, one by one.
func (p *positioner) inside(end byte, one func(i int)) {
	p.next(1)
	for i := 0; ; i++ {
		p.skip(true)
		if !p.more() || p.peek() == end {
			p.next(1)
			return
		}
		before := p.at
		one(i)
		p.skip(true)
		if p.peek() == ',' {
			p.next(1)
		}
		if p.at == before {
			return
		}
	}
}

// quoted steps over a string of any of the four kinds.
func (p *positioner) quoted() {
	rest, quote := p.text[p.at:], p.text[p.at:p.at+1]
	mark := quote
	if strings.HasPrefix(rest, quote+quote+quote) {
		mark = quote + quote + quote
	}
	for i := len(mark); i < len(rest); i++ {
		switch {
		case rest[i] == '\\' && quote == `"`:
			i++
		case strings.HasPrefix(rest[i:], mark):
			end := i + len(mark)
			// One or two quotes may stand right before the closing three.
			for len(mark) == 3 && end < len(rest) && rest[end] == quote[0] && end < i+5 {
				end++
			}
			p.next(end)
			return
		}
	}
	p.next(len(rest))
}

func unquote(key string) string {
	if len(key) < 2 || key[0] == '\'' {
		return strings.Trim(key, "'")
	}
	if plain, err := strconv.Unquote(key); err == nil {
		return plain
	}
	return key[1 : len(key)-1]
}

// below is the path of a key in a table.
func below(table, key string) string {
	if strings.ContainsAny(key, ".[]\" \t\n") || key == "" {
		key = strconv.Quote(key)
	}
	if table == "" {
		return key
	}
	return table + "." + key
}

// element is the path of one element of a list.
func element(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
