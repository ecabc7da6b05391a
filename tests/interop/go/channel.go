// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"bufio"
	"errors"
	"io"
	"reflect"
	"sync"

	"github.com/docker/spdystream"
	"github.com/vmihailenco/msgpack/v5"
)

const (
	messageBuffer = 4096
	copyBuffer    = 32768
)

// Sender is the end of a channel that sends.
type Sender interface {
	Send(message interface{}) error
	Close() error
}

// Receiver is the other end. Receive gives io.EOF at the end, whatever the reason for it.
type Receiver interface {
	Receive(message interface{}) error
}

// ---- over a stream

type streamSender struct {
	transport *Transport
	stream    *spdystream.Stream
	ref       uint64
	lock      sync.Mutex
	buffer    *bufio.Writer
	encoder   *msgpack.Encoder
}

func newStreamSender(t *Transport, stream *spdystream.Stream, ref uint64) *streamSender {
	buffer := bufio.NewWriterSize(stream, messageBuffer)
	return &streamSender{transport: t, stream: stream, ref: ref, buffer: buffer, encoder: msgpack.NewEncoder(buffer)}
}

func (s *streamSender) Send(message interface{}) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if err := s.encode(message); err != nil {
		return err
	}
	return s.buffer.Flush()
}

func (s *streamSender) Close() error {
	return s.stream.Close()
}

type streamReceiver struct {
	transport *Transport
	stream    *spdystream.Stream
	ref       uint64
	lock      sync.Mutex
	decoder   *msgpack.Decoder
}

func newStreamReceiver(t *Transport, stream *spdystream.Stream, ref uint64) *streamReceiver {
	return &streamReceiver{transport: t, stream: stream, ref: ref, decoder: msgpack.NewDecoder(stream)}
}

// Receive answers the peer's FIN with its own.
func (r *streamReceiver) Receive(message interface{}) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	if _, err := r.decoder.PeekCode(); err != nil {
		if err == io.EOF {
			r.stream.Close()
		}
		return err
	}
	value, err := r.decode()
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return assign(reflect.ValueOf(message).Elem(), value)
}

// ---- inside the process

type pipe struct {
	messages  chan interface{}
	closing   sync.Once
	closed    chan struct{}
	abandoned chan struct{}
}

type pipeSender struct{ *pipe }
type pipeReceiver struct{ *pipe }

// Pipe gives the two ends of a channel.
func Pipe() (Sender, Receiver) {
	p := &pipe{messages: make(chan interface{}), closed: make(chan struct{}), abandoned: make(chan struct{})}
	return pipeSender{p}, pipeReceiver{p}
}

func (s pipeSender) Send(message interface{}) error {
	select {
	case s.messages <- plain(reflect.ValueOf(message)):
		return nil
	case <-s.abandoned:
		return errors.New("nobody receives")
	}
}

func (s pipeSender) Close() error {
	s.closing.Do(func() { close(s.closed) })
	return nil
}

func (r pipeReceiver) Receive(message interface{}) error {
	select {
	case value := <-r.messages:
		return assign(reflect.ValueOf(message).Elem(), value)
	case <-r.closed:
		return io.EOF
	}
}

// Abandon says that nobody will receive.
func (r pipeReceiver) Abandon() {
	close(r.abandoned)
}

// copyChannel forwards everything, and the end. As in the reference, an error becomes a plain end.
func copyChannel(to Sender, from Receiver) {
	defer to.Close()
	for {
		var value interface{}
		if err := from.Receive(&value); err != nil {
			return
		}
		if err := to.Send(value); err != nil {
			return
		}
	}
}

// ---- bytes

// half is one direction of a byte pipe: its Close ends what this side writes.
type half struct {
	io.Reader
	io.WriteCloser
}

// BytePipe gives two connected byte streams.
func BytePipe() (io.ReadWriteCloser, io.ReadWriteCloser) {
	leftReader, rightWriter := io.Pipe()
	rightReader, leftWriter := io.Pipe()
	return half{leftReader, leftWriter}, half{rightReader, rightWriter}
}

func copyBytes(to io.WriteCloser, from io.Reader) {
	// The types are hidden, or io.CopyBuffer would not use the buffer.
	io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, copyBuffer))
	to.Close()
}
