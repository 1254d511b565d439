package exoscale

import (
	"errors"
	"os"
)

// The names of the two parts of an API key, in the environment and in a file.
const (
	EnvAPIKey    = "EXOSCALE_API_KEY"
	EnvAPISecret = "EXOSCALE_API_SECRET"
)

// Credentials are an Exoscale API key and its secret. They never print the secret.
type Credentials struct {
	Key    string
	Secret string
}

// String hides the secret, whatever the verb.
func (c Credentials) String() string { return "API key " + c.Key }

// GoString hides the secret from %#v.
func (c Credentials) GoString() string { return c.String() }

// MarshalText hides the secret from loggers and encoders.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

func (c Credentials) validate() error {
	switch {
	case c.Key == "" && c.Secret == "":
		return errors.New("no API credentials are set")
	case c.Key == "":
		return errors.New("the API key is empty")
	case c.Secret == "":
		return errors.New("the API secret is empty")
	}
	return nil
}

// CredentialsSource gives the credentials that hold now. It is asked at every
// call, so it answers from memory, and its error tells what a person has to do.
// A source that can change by itself also has a method OnChange(func()).
type CredentialsSource interface {
	Credentials() (Credentials, error)
}

type changingSource interface {
	OnChange(func())
}

// StaticCredentials never change.
func StaticCredentials(key, secret string) CredentialsSource {
	return staticCredentials{Key: key, Secret: secret}
}

// EnvironmentCredentials are read from EXOSCALE_API_KEY and EXOSCALE_API_SECRET
// once: an environment doesn't change while a process runs.
func EnvironmentCredentials() CredentialsSource {
	return staticCredentials{Key: os.Getenv(EnvAPIKey), Secret: os.Getenv(EnvAPISecret), from: EnvAPIKey + " and " + EnvAPISecret}
}

type staticCredentials struct {
	Key, Secret string
	from        string
}

// Credentials implements CredentialsSource.
func (s staticCredentials) Credentials() (Credentials, error) {
	c := Credentials{Key: s.Key, Secret: s.Secret}
	if err := c.validate(); err != nil {
		if s.from != "" {
			return Credentials{}, errors.New(err.Error() + ": set " + s.from)
		}
		return Credentials{}, err
	}
	return c, nil
}
