// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/docker/spdystream"
)

// Streams that may be registered while a message waits for another one, before it is given up.
const wakeUps = 10

var errNoStream = errors.New("stream does not exist")

// Transport is one connection: it numbers the streams that it opens, and finds those of the peer by their numbers.
type Transport struct {
	session  *spdystream.Connection
	incoming chan *spdystream.Stream
	channels chan *streamReceiver // top-level ones, until they are accepted

	opening sync.Mutex
	lastRef uint64

	lock       sync.Mutex
	registered *sync.Cond
	theirs     map[uint64]*spdystream.Stream
	over       bool
}

func newTransport(conn net.Conn, isServer bool) (*Transport, error) {
	session, err := spdystream.NewConnection(conn, isServer)
	if err != nil {
		return nil, err
	}
	t := &Transport{
		session:  session,
		incoming: make(chan *spdystream.Stream),
		channels: make(chan *streamReceiver),
		lastRef:  1,
		theirs:   map[uint64]*spdystream.Stream{},
	}
	t.registered = sync.NewCond(&t.lock)
	go t.serve()
	go t.acceptLoop()
	return t, nil
}

// serve ends with the connection, whoever closed it. A stream is answered by the worker that will see its data, for
// spdystream drops data that comes before its own answer.
func (t *Transport) serve() {
	t.session.Serve(func(stream *spdystream.Stream) {
		select {
		case t.incoming <- stream:
			stream.SendReply(http.Header{":status": {"200"}}, false)
			if number(stream.Headers(), "Libchan-Ref") == 0 {
				stream.Reset()
			}
		case <-t.session.CloseChan():
		}
	})
	t.lock.Lock()
	t.over = true
	t.registered.Broadcast()
	t.lock.Unlock()
}

func number(headers http.Header, name string) uint64 {
	ref, err := strconv.ParseUint(headers.Get(name), 10, 64)
	if err != nil {
		return 0
	}
	return ref
}

// acceptLoop registers streams in turn. As in the reference, a top-level channel that nobody accepts holds
// up all that come after it.
func (t *Transport) acceptLoop() {
	for {
		select {
		case stream := <-t.incoming:
			ref := number(stream.Headers(), "Libchan-Ref")
			if ref == 0 {
				continue
			}
			t.register(ref, stream)
			if number(stream.Headers(), "Libchan-Parent-Ref") != 0 {
				continue
			}
			select {
			case t.channels <- newStreamReceiver(t, stream, ref):
			case <-t.session.CloseChan():
				return
			}
		case <-t.session.CloseChan():
			return
		}
	}
}

func (t *Transport) register(ref uint64, stream *spdystream.Stream) {
	t.lock.Lock()
	t.theirs[ref] = stream
	t.registered.Broadcast()
	t.lock.Unlock()
}

// find waits for a stream that a message names.
func (t *Transport) find(ref uint64) (*spdystream.Stream, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	for wakes := 0; ; wakes++ {
		if stream, ok := t.theirs[ref]; ok {
			return stream, nil
		}
		if wakes == wakeUps || t.over {
			return nil, errNoStream
		}
		t.registered.Wait()
	}
}

// open starts a stream; parent is the number of the channel whose message will name it, or 0.
func (t *Transport) open(parent uint64) (*spdystream.Stream, uint64, error) {
	t.opening.Lock()
	defer t.opening.Unlock()
	t.lastRef++
	headers := http.Header{"libchan-ref": {strconv.FormatUint(t.lastRef, 10)}}
	if parent != 0 {
		headers["libchan-parent-ref"] = []string{strconv.FormatUint(parent, 10)}
	}
	stream, err := t.session.CreateStream(headers, nil, false)
	return stream, t.lastRef, err
}

// NewSendChannel opens a top-level channel.
func (t *Transport) NewSendChannel() (*streamSender, error) {
	stream, ref, err := t.open(0)
	if err != nil {
		return nil, err
	}
	return newStreamSender(t, stream, ref), nil
}

// WaitReceiveChannel gives the next top-level channel of the peer, or io.EOF.
func (t *Transport) WaitReceiveChannel() (Receiver, error) {
	select {
	case channel := <-t.channels:
		return channel, nil
	case <-t.session.CloseChan():
		return nil, io.EOF
	}
}

// Close says goodbye; it waits for nothing.
func (t *Transport) Close() error {
	return t.session.Close()
}
