// SPDX-License-Identifier: LGPL-2.1-or-later

// A peer as the reference is one, generation 2: libchan's sessions and messages on top of spdystream, written from what
// goes over the wire. It plays the scenarios of ../README.md:
//
//	go-peer serve tcp://127.0.0.1:0     prints its URI, then one line for each request and each session that is over
//	go-peer call URI SCENARIO           prints one line, and exits with 0 if everything was right
package main

import (
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"
)

const (
	scheme  = "tcp://"
	patient = 20 * time.Second
)

// attempt gives the verdict on a script, which panics where something is wrong.
func attempt(name string, script func()) (good bool) {
	watchdog := time.AfterFunc(patient, func() {
		pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		fmt.Printf("%s failed: not over after %v\n", name, patient)
		os.Exit(3)
	})
	defer watchdog.Stop()
	defer func() {
		if why := recover(); why != nil {
			fmt.Printf("%s failed: %v\n", name, why)
			os.Stderr.Write(debug.Stack())
			return
		}
		fmt.Printf("%s ok\n", name)
		good = true
	}()
	script()
	return
}

func dial(address string) *Transport {
	conn, err := net.Dial("tcp", address)
	must(err)
	t, err := newTransport(conn, false)
	must(err)
	return t
}

func call(address, name string) bool {
	script, known := callers[name]
	if !known {
		fmt.Printf("%s is unknown\n", name)
		return false
	}
	return attempt(name, func() {
		c := &caller{t: dial(address), dial: func() *Transport { return dial(address) }}
		script(c)
		c.finish()
	})
}

func serveChannel(t *Transport, channel Receiver) {
	var request message
	if err := channel.Receive(&request); err != nil {
		fmt.Printf("request failed: %v\n", err)
		return
	}
	script, known := servers[request.Scenario]
	if !known {
		fmt.Printf("%s is unknown\n", request.Scenario)
		return
	}
	attempt(request.Scenario, func() {
		script(&server{t: t, channel: channel}, &request)
		expectEnd(channel)
	})
}

func serveConnection(conn net.Conn) {
	t, err := newTransport(conn, true)
	must(err)
	for {
		channel, err := t.WaitReceiveChannel()
		if err != nil {
			break
		}
		go serveChannel(t, channel)
	}
	conn.Close()
	fmt.Println("session over")
}

func serve(address string) {
	listener, err := net.Listen("tcp", address)
	must(err)
	fmt.Printf("%s%s\n", scheme, listener.Addr())
	for {
		conn, err := listener.Accept()
		must(err)
		go serveConnection(conn)
	}
}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		serve(strings.TrimPrefix(os.Args[2], scheme))
	case len(os.Args) == 4 && os.Args[1] == "call":
		if !call(strings.TrimPrefix(os.Args[2], scheme), os.Args[3]) {
			os.Exit(1)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: go-peer serve URI | go-peer call URI SCENARIO")
		os.Exit(2)
	}
}
