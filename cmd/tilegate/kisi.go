package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/tilegate/tilegate/cloud"
	"github.com/tilegate/tilegate/daemon/access"
	"github.com/tilegate/tilegate/daemon/config"
	"github.com/tilegate/tilegate/daemon/control"
)

func newKisi(t *tool) *cobra.Command {
	return noun("kisi", "the connection to Kisi", "Tries the connection to Kisi, and holds our decisions against Kisi's own.",
		`  tilegate kisi test
  tilegate kisi compare --days 30`,
		newKisiTest(t), newKisiCompare(t))
}

func newKisiTest(t *tool) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "test",
		Short: "try the connection to Kisi",
		Long: `Asks Kisi who we are and what we may, and says what to do about what is missing.
The running gateway does it, which needs the operate socket. With --config it
is done from here with that settings file, also when no gateway runs; run it as
a user who may read the API key then.`,
		Example: `  tilegate kisi test
  sudo tilegate kisi test --config /etc/tilegate/tilegate.toml`,
		Annotations: exits(`0    Kisi answers and lets us do what we need
1    it failed
2    the command line is wrong
10   something is missing
130  interrupted`),
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := t.testKisi(cmd.Context(), path)
			if err != nil {
				return err
			}
			if t.asJSON {
				err = t.sayJSON(report)
			} else {
				t.say("Organisation: %s", dash(report.Organisation))
				t.sayChecks(report.Lines)
			}
			return firstError(err, allGood(report.Lines))
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "do it from here, with this settings `FILE`")
	return cmd
}

// testKisi asks the gateway, or Kisi itself if a settings file is given.
func (t *tool) testKisi(ctx context.Context, path string) (cloud.Report, error) {
	if path != "" {
		return testKisiFromHere(ctx, path)
	}
	report, err := t.act().TestKisi(ctx)
	var told *control.Error
	if errors.As(err, &told) && told.Code == control.NotRunning {
		return report, &control.Error{
			Code: told.Code, Message: told.Message, Hint: "tilegate kisi test --config " + settingsFile,
		}
	}
	return report, err
}

// testKisiFromHere opens the source as the gateway would, for this test only.
func testKisiFromHere(ctx context.Context, path string) (cloud.Report, error) {
	options, err := config.Load(path)
	if err != nil {
		return cloud.Report{}, err
	}
	plan := kisiPlan(options)
	if plan == nil {
		return cloud.Report{}, &control.Error{Code: control.Unavailable, Message: path + " has no [kisi]", Hint: "add it, with api_key_file"}
	}
	throwaway := make([]byte, 32) // nothing of this test is kept or compared
	_, _ = rand.Read(throwaway)   // never fails
	digest, err := access.NewDigestKey(throwaway)
	if err != nil {
		return cloud.Report{}, err
	}
	source, err := plan.Open(cloud.Deps{
		Log: hclog.NewNullLogger(), Digest: digest, Metrics: prometheus.NewRegistry(),
		Doors: map[string]string{}, Links: map[string]string{}, SecretPath: options.State.SecretPath,
		Version: versionOf(version), Progress: func(int, int, string) {},
	})
	if err != nil {
		return cloud.Report{}, fmt.Errorf("open kisi: %w", err)
	}
	report, err := source.Test(ctx)
	if closer, ok := source.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	return report, err
}

func kisiPlan(options *config.Options) cloud.Plan {
	for _, source := range options.Sources {
		if source.Name == "kisi" {
			return source.Plan
		}
	}
	return nil
}
