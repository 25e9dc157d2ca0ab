# Runs one server for a Rust process and never lets the server outlive it.
#
#   sh -c "$(cat supervisor.sh)" supervisor REMOVE LOG LAST COMMAND...
#
# Our standard input is a pipe that only that process holds, so the end of input means that it is gone, even by
# kill -9: then the server gets the signal LAST and, after its end, REMOVE (when not empty) is deleted. Each line of
# input is a request and gets one line of answer:
#   start WORD...   run COMMAND with these arguments more, its output appended to LOG   -> started
#   remove FILE...  at the end, too                                                     -> noted
#   status                                                                             -> running | exited
#   stop SIGNAL     and wait for the end                                                -> stopped
set -uf
remove=$1
log=$2
last=$3
shift 3
server=
files=

# Ours is a process group of its own, but a closed terminal still sends HUP; a caller killed while we answer sends PIPE.
trap '' HUP INT PIPE

stop() {
    [ -n "$server" ] || return 0
    kill -s "$1" "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=
}

leave() {
    stop "$last"
    [ -z "$remove" ] || rm -rf -- "$remove"
    # shellcheck disable=SC2086 # words
    [ -z "$files" ] || rm -f -- $files
    exit 0
}
trap leave TERM

while read -r request arguments; do
    case $request in
    start)
        # shellcheck disable=SC2086 # words
        "$@" $arguments </dev/null >>"$log" 2>&1 &
        server=$!
        echo started
        ;;
    remove)
        files="$files $arguments"
        echo noted
        ;;
    status)
        # `jobs` reaps a child that has ended; before that `kill -0` still finds its remains.
        jobs >/dev/null 2>&1
        if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then echo running; else echo exited; fi
        ;;
    stop)
        stop "$arguments"
        echo stopped
        ;;
    esac
done
leave
