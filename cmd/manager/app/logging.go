package app

import (
	"fmt"
	"io"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func logLevels() []string { return []string{"debug", "info", "warn", "error"} }

// newLogger writes to out what is at least as grave as the level. Debug is what
// is logged with V(1).
func newLogger(out io.Writer, format, level string) (logr.Logger, error) {
	least, err := zapcore.ParseLevel(level)
	if err != nil {
		return logr.Logger{}, fmt.Errorf("--log-level: %w", err)
	}
	core := zapcore.NewCore(encoder(format), zapcore.Lock(zapcore.AddSync(out)), least)
	return zapr.NewLogger(zap.New(core)), nil
}

func encoder(format string) zapcore.Encoder {
	config := zap.NewProductionEncoderConfig()
	config.EncodeTime = zapcore.TimeEncoderOfLayout(time.RFC3339Nano)
	config.EncodeDuration = zapcore.StringDurationEncoder
	if format == LogFormatJSON {
		return zapcore.NewJSONEncoder(config)
	}
	config.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	config.EncodeLevel = zapcore.CapitalLevelEncoder
	return zapcore.NewConsoleEncoder(config)
}
