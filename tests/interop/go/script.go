// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"sync"
	"time"
)

const finTimeout = 10 * time.Second

type object map[string]interface{}

// message has a field for everything that is received by name.
type message struct {
	Scenario         string
	Text             string
	Data             []byte
	N, Sum, Known    int
	Got              []int
	Values, Unsigned []interface{}
	Any              interface{}
	Ret, Out, Ask    Sender
	In               Receiver
	A, B, C          Receiver
	Outs             []Sender
	Ins              []Receiver
	Input            io.Reader
	Output           io.WriteCloser
	Both, Half       io.ReadWriteCloser
	NilSender        Sender
	NilReceiver      Receiver
	NilStream        io.ReadWriteCloser
	NilText          string
	NilList          []interface{}
	NilBytes         []byte
	NilAny           interface{}
	NilStruct        struct{ Never int }
	Number           float64
	Truth            bool
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func check(good bool, format string, arguments ...interface{}) {
	if !good {
		panic(fmt.Sprintf(format, arguments...))
	}
}

func receive(from Receiver) *message {
	got := &message{}
	must(from.Receive(got))
	return got
}

// receiveAny gives a message as it came.
func receiveAny(from Receiver) (value interface{}) {
	must(from.Receive(&value))
	return
}

func expect(from Receiver, want interface{}) {
	got := receiveAny(from)
	want = plain(reflect.ValueOf(want))
	check(reflect.DeepEqual(got, want), "got %.300v for %.300v", got, want)
}

func expectEnd(from Receiver) {
	var value interface{}
	err := from.Receive(&value)
	check(err == io.EOF, "%v (%v) where the end should be", value, err)
}

func send(to Sender, values ...interface{}) {
	for _, value := range values {
		must(to.Send(value))
	}
}

func sendAndClose(to Sender, values ...interface{}) {
	send(to, values...)
	must(to.Close())
}

// together runs scripts at the same time, and fails if one does.
func together(scripts ...func()) {
	var group sync.WaitGroup
	failures := make(chan interface{}, len(scripts))
	for _, script := range scripts {
		group.Add(1)
		go func(script func()) {
			defer group.Done()
			defer func() {
				if why := recover(); why != nil {
					failures <- why
				}
			}()
			script()
		}(script)
	}
	group.Wait()
	select {
	case why := <-failures:
		panic(why)
	default:
	}
}

func pattern(length, seed int) []byte {
	data := make([]byte, length)
	for i := range data {
		data[i] = byte((i*7 + seed) % 251)
	}
	return data
}

func writeAll(to io.WriteCloser, data []byte) {
	_, err := to.Write(data)
	must(err)
	must(to.Close())
}

func readAll(from io.Reader, want []byte) {
	got, err := io.ReadAll(from)
	must(err)
	check(bytes.Equal(got, want), "read %d bytes that are not the %d expected", len(got), len(want))
}

// ---- the two roles

type caller struct {
	t    *Transport
	dial func() *Transport
	open []*streamSender
	all  []*Transport
}

// ask opens a channel with a request, and gives what will be answered.
func (c *caller) ask(scenario string, more object) (*streamSender, Receiver) {
	return c.askOver(c.t, scenario, more)
}

func (c *caller) askOver(t *Transport, scenario string, more object) (*streamSender, Receiver) {
	channel, err := t.NewSendChannel()
	must(err)
	ret, answers := Pipe()
	request := object{"Scenario": scenario, "Ret": ret}
	for key, value := range more {
		request[key] = value
	}
	send(channel, request)
	c.open = append(c.open, channel)
	return channel, answers
}

// finish loses nothing: it waits for the answer to the end of each channel before it says goodbye.
func (c *caller) finish() {
	for _, channel := range c.open {
		must(channel.Close())
	}
	for _, channel := range c.open {
		done := make(chan error, 1)
		go func(channel *streamSender) {
			_, err := io.Copy(io.Discard, channel.stream)
			done <- err
		}(channel)
		select {
		case err := <-done:
			must(err)
		case <-time.After(finTimeout):
			panic("the end of a channel was not answered")
		}
	}
	for _, t := range append(c.all, c.t) {
		must(t.Close())
	}
}

type server struct {
	t       *Transport
	channel Receiver
}

type callScript func(c *caller)
type serveScript func(s *server, request *message)

var callers = map[string]callScript{}
var servers = map[string]serveScript{}

func scenario(name string, call callScript, serve serveScript) {
	callers[name] = call
	servers[name] = serve
}
