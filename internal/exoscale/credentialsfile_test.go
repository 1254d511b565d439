package exoscale

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadCredentials(t *testing.T) {
	both := Credentials{Key: "EXOkey", Secret: "s3cret"}
	for name, tc := range map[string]struct {
		files map[string]string // relative to the path; "" is the path itself
		want  Credentials
		err   string
	}{
		"lines":                      {files: map[string]string{"": "EXOSCALE_API_KEY=EXOkey\nEXOSCALE_API_SECRET=s3cret\n"}, want: both},
		"a shell's file":             {files: map[string]string{"": "# ours\n\nexport EXOSCALE_API_KEY='EXOkey'\nexport EXOSCALE_API_SECRET=\"s3cret\"\nOTHER=1"}, want: both},
		"an = in the secret":         {files: map[string]string{"": "EXOSCALE_API_KEY=EXOkey\nEXOSCALE_API_SECRET=a=b=="}, want: Credentials{Key: "EXOkey", Secret: "a=b=="}},
		"names of a Secret":          {files: map[string]string{"": "api-key=EXOkey\napi-secret=s3cret"}, want: both},
		"Windows line ends":          {files: map[string]string{"": "EXOSCALE_API_KEY=EXOkey\r\nEXOSCALE_API_SECRET=s3cret\r\n"}, want: both},
		"a directory":                {files: map[string]string{"EXOSCALE_API_KEY": "EXOkey\n", "EXOSCALE_API_SECRET": "s3cret\n", "zone": "x"}, want: both},
		"a directory, short names":   {files: map[string]string{"api-key": "EXOkey", "api-secret": "s3cret"}, want: both},
		"a generation of a Secret":   {files: map[string]string{"..data/EXOSCALE_API_KEY": "EXOkey", "..data/EXOSCALE_API_SECRET": "s3cret", "EXOSCALE_API_SECRET": "of another one"}, want: both},
		"an empty file":              {files: map[string]string{"": ""}, err: "no API credentials are set"},
		"no secret":                  {files: map[string]string{"": "EXOSCALE_API_KEY=EXOkey"}, err: "the API secret is empty"},
		"no key":                     {files: map[string]string{"EXOSCALE_API_SECRET": "s3cret"}, err: "the API key is empty"},
		"no file":                    {err: "no such file or directory"},
		"a directory in its place":   {files: map[string]string{"EXOSCALE_API_KEY/x": ""}, err: "is a directory"},
		"a secret in a broken file":  {files: map[string]string{"": "s3cret"}, err: "no API credentials are set"},
		"an empty value in the file": {files: map[string]string{"": "EXOSCALE_API_KEY=\nEXOSCALE_API_SECRET=s3cret"}, err: "the API key is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "credentials")
			for file, content := range tc.files {
				write(t, filepath.Join(path, file), content)
			}
			got, err := readCredentials(path)
			if got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			switch {
			case tc.err == "" && err != nil:
				t.Errorf("got the error %v", err)
			case tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err) || !strings.Contains(err.Error(), path)):
				t.Errorf("got the error %v, want %q and the path", err, tc.err)
			case err != nil && strings.Contains(err.Error(), "s3cret"):
				t.Errorf("the secret is in the error %v", err)
			}
		})
	}
}

func TestCredentialsNeverPrintTheSecret(t *testing.T) {
	c := Credentials{Key: "EXOkey", Secret: "s3cret"}
	encoded, err := json.Marshal(map[string]any{"c": c, "p": &c})
	if err != nil {
		t.Fatal(err)
	}
	wrapped := struct{ C Credentials }{c}
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %s %q", c, c, c, c), fmt.Sprintf("%+v %#v", wrapped, wrapped), string(encoded)} {
		if strings.Contains(text, "s3cret") || !strings.Contains(text, "EXOkey") {
			t.Errorf("printed as %s", text)
		}
	}
}

func TestCredentialsFromTheEnvironment(t *testing.T) {
	t.Setenv(EnvAPIKey, "EXOkey")
	t.Setenv(EnvAPISecret, "")
	if _, err := EnvironmentCredentials().Credentials(); err == nil || !strings.Contains(err.Error(), EnvAPISecret) {
		t.Errorf("without a secret: %v", err)
	}
	t.Setenv(EnvAPISecret, "s3cret")
	if got, err := EnvironmentCredentials().Credentials(); err != nil || got != (Credentials{Key: "EXOkey", Secret: "s3cret"}) {
		t.Errorf("%v, %v", got, err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
