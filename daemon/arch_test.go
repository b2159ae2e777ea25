package daemon_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tilegate/tilegate"

// listed is what the go command says of a package.
type listed struct {
	ImportPath   string
	Standard     bool
	Doc          string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Standard,Doc,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// inner is the part of an import path below the module, or "" for others.
func inner(path string) string {
	rest, ok := strings.CutPrefix(path, module)
	if !ok {
		return ""
	}
	return strings.TrimPrefix(rest, "/")
}

// arrows says which of our packages a package may import outside its tests.
// Arrows point inward, to daemon/access, with the reason beside each.
var arrows = []struct {
	from string
	may  []string
	why  string
}{
	{"daemon/access", nil, "the decision is pure: a reviewer reads it alone"},
	{"daemon/pass", []string{"daemon/access", "hw/pkoc"}, "what proves a credential is pure: a reviewer reads it alone"},
	{"daemon/store", []string{"daemon/access", "cloud/provision"}, "SQLite keeps what others mean"},
	{"daemon/config", []string{"daemon/access", "hw", "hw/serial", "cloud", "cloud/secret"}, "settings become options, nothing else"},
	{"daemon/casefile", []string{"daemon/access", "daemon/config"}, "a case is a site in plain words: its strict reader is that of the settings, and its answers are those of access"},
	{"daemon/control", []string{"daemon/access", "cloud"}, "operations speak of rights and connection reports"},
	{"daemon", []string{"daemon/access", "daemon/pass", "daemon/store", "daemon/config", "daemon/control", "hw", "hw/serial", "cloud", "cloud/secret"}, "the gateway wires all parts"},
	{"hw/serial", nil, "a line knows no door"},
	{"hw/modbus", nil, "a codec is bytes in, values out"},
	{"hw/osdp", nil, "a codec and its state are bytes and times in, values out"},
	{"hw/pn532", nil, "a codec is bytes in, values out"},
	{"hw/ndef", nil, "a codec is bytes in, values out"},
	{"hw/pkoc", nil, "a codec is bytes in, values out"},
	{"hw/wiegand", nil, "a codec is bits in, values out; sources of rights test against it"},
	{"hw/hwtest", []string{"hw", "hw/serial", "daemon/access"}, "the suite knows contracts, no driver's codec, else both agree by construction"},
	{"hw", []string{"daemon/access", "hw/serial", "hw/modbus", "hw/osdp", "hw/pn532", "hw/ndef", "hw/pkoc", "hw/wiegand"}, "hardware borrows its words from access and knows nobody else"},
	{"cloud/transport", nil, "bytes and budgets"},
	{"cloud/secret", nil, "one rule for every secret"},
	{"cloud/kisi", []string{"cloud/transport", "cloud/secret"}, "a client has no domain rules"},
	{"cloud/cloudtest", []string{"cloud", "daemon/access"}, "a fake that imports the client agrees with it by construction"},
	{"cloud", []string{"daemon/access", "cloud/transport", "cloud/kisi"}, "clouds know rights, no hardware and no daemon"},
	{"cmd/tilegated", []string{"daemon", "daemon/config"}, "a thin main"},
	{"cmd/tilegate", []string{"daemon/control", "daemon/config", "daemon/access", "daemon/casefile", "cloud", "hw"}, "the tool links no database and no page"},
	{"cmd/tilesim", []string{"cloud/cloudtest", "daemon/pass", "hw/hwtest", "daemon/control", "daemon/access"}, "a building on a desk: fakes only, and the socket a person would use"},
}

func TestImportsFollowTheArrows(t *testing.T) {
	allowed := map[string][]string{}
	why := map[string]string{}
	for _, a := range arrows {
		allowed[a.from], why[a.from] = a.may, a.why
	}
	for _, p := range packages(t) {
		name := inner(p.ImportPath)
		may, ok := allowed[name]
		if !ok {
			t.Errorf("%s: a package that the layout does not name; add it to arrows with its reason", name)
			continue
		}
		for _, imp := range p.Imports {
			if to := inner(imp); to != "" && !slices.Contains(may, to) {
				t.Errorf("%s imports %s, but may not: %s", name, to, why[name])
			}
		}
	}
}

// only says which packages alone may import an outside package.
var only = []struct {
	imports string
	from    []string
	why     string
}{
	{"github.com/mattn/go-sqlite3", []string{"daemon/store"}, "one place sets the pragmas"},
	{"github.com/tarm/serial", []string{"hw/serial"}, "its traps are dealt with once"},
	{"github.com/BurntSushi/toml", []string{"daemon/config"}, "one strict reader"},
	{"github.com/fxamacker/cbor/v2", []string{"daemon/pass"}, "what anybody may show is parsed in one place"},
	{"github.com/veraison/go-cose", []string{"daemon/pass"}, "what anybody may show is parsed in one place"},
	{"github.com/warthog618/go-gpiocdev", []string{"hw"}, "one place asks the kernel for lines"},
	{"os/exec", []string{"cmd/tilesim"}, "the daemon starts nothing and has no shell"},
	{"github.com/spf13/cobra", []string{"cmd/tilegate", "cmd/tilegated", "cmd/tilesim"}, "the command line ends at cmd"},
	{"github.com/coreos/go-systemd/v22/daemon", []string{"daemon"}, "one notifier"},
	{"github.com/hashicorp/go-retryablehttp", []string{"cloud/transport"}, "one retry rule"},
}

func TestOutsidePackagesEnterThroughOneDoor(t *testing.T) {
	for _, p := range packages(t) {
		for _, rule := range only {
			if slices.Contains(p.Imports, rule.imports) && !slices.Contains(rule.from, inner(p.ImportPath)) {
				t.Errorf("%s imports %s, but may not: %s", inner(p.ImportPath), rule.imports, rule.why)
			}
		}
	}
}

func TestAccessIsStandardLibraryOnlyAndHasNoClock(t *testing.T) {
	for _, p := range packages(t) {
		if inner(p.ImportPath) != "daemon/access" {
			continue
		}
		for _, imp := range p.Imports {
			if strings.Contains(imp, ".") || imp == "os" || imp == "net" || imp == "sync" {
				t.Errorf("daemon/access imports %s; it is pure", imp)
			}
		}
	}
	out, err := exec.Command("grep", "-rnE", `time\.(Now|Since|Until|After|Sleep|NewTimer|Tick)\(`, "access", "--include=*.go", "--exclude=*_test.go").Output()
	if err == nil {
		t.Errorf("daemon/access reads the clock; whoever asks gives the time:\n%s", out)
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", inner(p.ImportPath))
		}
	}
}

// modules is every module that may be linked or used in tests. A new one needs
// a line of reason in docs/ARCHITECTURE.md as well.
var modules = []string{
	"github.com/fxamacker/cbor/v2", "github.com/veraison/go-cose", "github.com/warthog618/go-gpiocdev",
	"github.com/BurntSushi/toml", "github.com/coreos/go-systemd/v22", "github.com/google/go-cmp",
	"github.com/hashicorp/go-hclog", "github.com/hashicorp/go-retryablehttp", "github.com/mattn/go-sqlite3",
	"github.com/prometheus/client_golang", "github.com/prometheus/client_model", "github.com/prometheus/exporter-toolkit", "github.com/spf13/cobra",
	"github.com/tarm/serial", "golang.org/x/sys", "golang.org/x/time", "pgregory.net/rapid",
}

func TestOnlyAllowedModulesAreRequired(t *testing.T) {
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &file); err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Require {
		if !r.Indirect && !slices.Contains(modules, r.Path) {
			t.Errorf("go.mod requires %s, which is not on the list", r.Path)
		}
	}
}

// TestGoroutinesStartInOneFile keeps the life of the daemon on one page.
func TestGoroutinesStartInOneFile(t *testing.T) {
	out, err := exec.Command("grep", "-rnE", `^\s*(go func|go [a-zA-Z_.]+\(|.*\.Go\(func)`, "..", "--include=*.go", "--exclude=*_test.go",
		"--exclude-dir=tilesim", "--exclude-dir=hwtest", "--exclude-dir=cloudtest").Output()
	if err != nil {
		return // grep found nothing
	}
	for line := range strings.Lines(string(out)) {
		file, _, _ := strings.Cut(line, ":")
		switch filepath.Clean(file) {
		case "../daemon/gateway.go", "../daemon/control/server.go":
		default:
			t.Errorf("a goroutine starts outside daemon/gateway.go: %s", strings.TrimSpace(line))
		}
	}
}
