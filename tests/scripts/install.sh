#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What make install puts in place, and that man and the shells can use it.

cd "$(dirname -- "$0")/../.." || exit
mkdir -p build
# The sysroot, whose programs try it, sees the checkout.
work=$(mktemp -d -p "$PWD/build")
trap 'rm -rf "$work"' EXIT
. tests/selftests/ktap.sh
plan 6
root=$work/root/usr

make install DESTDIR="$work/root" PREFIX=/usr >"$work/messages" 2>&1
check "it succeeds" [ $? = 0 ]
for file in bin/vgpuinfo lib/udev/rules.d/70-vgpu-stub.rules lib/sysusers.d/vgpu-stub.conf \
	share/man/man1/vgpuinfo.1 share/man/man1/vgpuinfo-query.1 \
	share/bash-completion/completions/vgpuinfo share/zsh/site-functions/_vgpuinfo \
	share/fish/vendor_completions.d/vgpuinfo.fish; do
	check "$file is installed" [ -s "$root/$file" ]
done
result "Everything is installed"

check "it runs" "$root/bin/vgpuinfo" --version >"$work/stdout"
result "The command that is installed runs here"

for page in "$root"/share/man/man1/*; do
	scripts/enter env MANWIDTH=80 man --warnings -Tutf8 -l "$page" >"$work/text" 2>"$work/warnings"
	check "man shows ${page##*/}" [ $? = 0 ]
	check "man has nothing to say about ${page##*/}" [ ! -s "$work/warnings" ]
	check "${page##*/} has its exit codes" grep -q 'EXIT STATUS' "$work/text"
done
result "man renders every page without a warning"

# completed SHELL PREFIX SCRIPT: in a shell that has loaded what is installed, the
# completions of 'vgpuinfo get PREFIX' are what SCRIPT prints.
completed() {
	scripts/enter "$@" "$root" >"$work/words" 2>"$work/messages"
	for word in pool_id pci priority; do
		check "${1##*/} completes the field $word" grep -qw "$word" "$work/words"
	done
	check "${1##*/} offers nothing that does not begin so" sh -c "! grep -qw vm_id '$work/words'"
}

completed bash --norc -c '
	. "$0/share/bash-completion/completions/vgpuinfo"
	COMP_WORDS=(vgpuinfo get p) COMP_CWORD=2
	_vgpuinfo vgpuinfo p get
	printf "%s\n" "${COMPREPLY[@]}"'
result "bash completes"

# Its completions are for somebody who types: hence a terminal.
completed zsh -f -c '
	zmodload zsh/zpty
	zpty shell "TERM=dumb PS1= zsh -f -i"
	zpty -w shell "fpath=($0/share/zsh/site-functions \$fpath); autoload -U compinit; compinit -D -u"
	zpty -w shell "zstyle \":completion:*\" list-prompt; setopt no_always_last_prompt; echo REA\"\"DY"
	while zpty -r shell line && [[ $line != *READY* ]]; do :; done
	zpty -w -n shell "vgpuinfo get p"$'"'\\t\\t'"'
	for ((i = 0; i < 200; i++)); do
		while zpty -r -t shell line; do print -r -- "$line"; said+=$line; done
		[[ $said != *priority* ]] || break
		sleep 0.1
	done'
result "zsh completes"

completed fish --no-config -c '
	source $argv[1]/share/fish/vendor_completions.d/vgpuinfo.fish
	complete -C "vgpuinfo get p"'
result "fish completes"

end
