package exoscale

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The names of the parts of an API key as keys of a Kubernetes Secret, besides
// those of the environment.
const (
	secretAPIKey    = "api-key"
	secretAPISecret = "api-secret"
)

// readCredentials reads an API key from a file or a directory:
//
//	file       lines NAME=VALUE, "export" before and quotes around are allowed,
//	           # begins a comment line; other names are ignored
//	directory  a file for each NAME, as a Kubernetes Secret is mounted
//
// NAME is EXOSCALE_API_KEY and EXOSCALE_API_SECRET, or api-key and api-secret.
// The error names the path and what is missing, never a value.
func readCredentials(path string) (Credentials, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Credentials{}, unreadable(path, err)
	}
	values := map[string]string{}
	if info.IsDir() {
		err = readDirectory(path, values)
	} else {
		err = readFile(path, values)
	}
	if err != nil {
		return Credentials{}, err
	}
	c := Credentials{
		Key:    firstSet(values[EnvAPIKey], values[secretAPIKey]),
		Secret: firstSet(values[EnvAPISecret], values[secretAPISecret]),
	}
	if err := c.validate(); err != nil {
		return Credentials{}, fmt.Errorf("%w in %s: %s and %s are expected", err, path, EnvAPIKey, EnvAPISecret)
	}
	return c, nil
}

// readDirectory reads both parts from one generation of a mounted Secret: the
// kubelet swaps the link ..data as a whole, so key and secret always fit.
func readDirectory(path string, values map[string]string) error {
	if generation, err := filepath.EvalSymlinks(filepath.Join(path, "..data")); err == nil {
		path = generation
	}
	for _, name := range []string{EnvAPIKey, EnvAPISecret, secretAPIKey, secretAPISecret} {
		content, err := os.ReadFile(filepath.Join(path, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return unreadable(filepath.Join(path, name), err)
		default:
			values[name] = strings.TrimSpace(string(content))
		}
	}
	return nil
}

func readFile(path string, values map[string]string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return unreadable(path, err)
	}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if found {
			values[strings.TrimSpace(name)] = unquote(strings.TrimSpace(value))
		}
	}
	return lines.Err()
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

func firstSet(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func unreadable(path string, err error) error {
	var where *fs.PathError
	if errors.As(err, &where) {
		err = where.Err
	}
	return fmt.Errorf("the credentials %s can't be read: %w", path, err)
}
