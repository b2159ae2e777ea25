package daemon_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a reader can take in at once.
const (
	longestFile     = 400 // lines, tests too
	longestFunction = 50  // lines, from func to its last brace; tables of tests may be longer
	mostMethods     = 3   // of an interface; one that is embedded counts as one
)

// oversize is what may be larger, with the reason beside each.
var oversize = map[string]string{
	"cloud/cloud.go: interface Source": "a name and an age tell one source from another; Fetch and Test are all it does",
	"hw/hw.go: interface Strike":       "to unlock is of no use without to lock, to tell and to let go: no strike may leave one out",
}

func TestFilesAndFunctionsStayShort(t *testing.T) {
	large, files := map[string]string{}, 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (path == filepath.Join("..", "build") || entry.Name() == "testdata" || entry.Name() == ".git"):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		found, err := measure(filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator))), src)
		maps.Copy(large, found)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Fatalf("%d files were found; this is not the whole tree", files)
	}
	for what, size := range large {
		if oversize[what] == "" {
			t.Errorf("%s: %s", what, size)
		}
	}
	for what := range oversize {
		if large[what] == "" {
			t.Errorf("%s is no longer too large, or is gone; take it off the list", what)
		}
	}
}

// measure says what in a file is too large, and how large that is.
func measure(name string, src []byte) (map[string]string, error) {
	large := map[string]string{}
	if n := bytes.Count(src, []byte("\n")); n > longestFile {
		large[name] = fmt.Sprintf("%d lines, at most %d", n, longestFile)
	}
	if strings.HasSuffix(name, "_test.go") {
		return large, nil
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	around := "the file"
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			around = n.Name.Name
			tooLong(large, fset, name+": func "+around, n.Type.Func, n.End())
		case *ast.FuncLit:
			tooLong(large, fset, name+": func in "+around, n.Pos(), n.End())
		case *ast.TypeSpec:
			around = n.Name.Name
		case *ast.InterfaceType:
			if methods := n.Methods.NumFields(); methods > mostMethods {
				large[name+": interface "+around] = fmt.Sprintf("%d methods, at most %d", methods, mostMethods)
			}
		}
		return true
	})
	return large, nil
}

func tooLong(large map[string]string, fset *token.FileSet, what string, from, to token.Pos) {
	if n := fset.Position(to).Line - fset.Position(from).Line + 1; n > longestFunction {
		large[what] = fmt.Sprintf("%d lines, at most %d", n, longestFunction)
	}
}

func TestWhatIsTooLargeIsFound(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("\n", n) }
	tests := []struct {
		name, file, in string
		want           []string
	}{
		{"a function of 50 lines", "a.go", "package a\nfunc f() {" + lines(49) + "}\n", nil},
		{"a function of 51 lines", "a.go", "package a\nfunc f() {" + lines(50) + "}\n", []string{"a.go: func f"}},
		{"its comment does not count", "a.go", "package a\n" + strings.Repeat("// f.\n", 60) + "func f() {}\n", nil},
		{"a method of 51 lines", "a.go", "package a\nfunc (t T) f() {" + lines(50) + "}\n", []string{"a.go: func f"}},
		{"a variable that is a function", "a.go", "package a\nvar f = func() {" + lines(50) + "}\n", []string{"a.go: func in the file"}},
		{"a test of 51 lines", "a_test.go", "package a\nfunc f() {" + lines(50) + "}\n", nil},
		{"a file of 400 lines", "a.go", "package a" + lines(400), nil},
		{"a file of 401 lines", "a.go", "package a" + lines(401), []string{"a.go"}},
		{"a test file of 401 lines", "a_test.go", "package a" + lines(401), []string{"a_test.go"}},
		{"three methods", "a.go", "package a\ntype I interface {\nf()\ng()\nh()\n}\n", nil},
		{"four methods", "a.go", "package a\ntype I interface {\nf()\ng()\nh()\ni()\n}\n", []string{"a.go: interface I"}},
		{"three methods and one embedded", "a.go", "package a\ntype I interface {\nf()\ng()\nh()\nerror\n}\n", []string{"a.go: interface I"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			large, err := measure(tt.file, []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			got := slices.Sorted(maps.Keys(large))
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
