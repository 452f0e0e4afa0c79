# SPDX-License-Identifier: Apache-2.0
"""What the checks share: finding our sources and reading C just well enough.

Not a compiler: comments, text and preprocessor lines are taken away, the rest is split into
tokens, and a function is what has a name, parentheses and braces at the top of a file.
"""
import os
import re
import sys

SOURCE_FOLDERS = ("src", "cli", "include", "server", "tests", "bench")
SKIPPED = {".git", "build", "demo-out", "__pycache__"}


def files(root, folders=SOURCE_FOLDERS, suffixes=(".c", ".h", ".def")):
    """Paths relative to root, sorted, of the files with these suffixes under the folders."""
    found = []
    for folder in folders:
        for where, inner, names in os.walk(os.path.join(root, folder)):
            inner[:] = [d for d in inner if d not in SKIPPED and not d.startswith("build")]
            found += [os.path.relpath(os.path.join(where, n), root) for n in names
                      if n.endswith(tuple(suffixes))]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def is_test(path):
    return path.startswith("tests/") or re.search(r"_test\.[ch]$", path) is not None


_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.S)


def _blank(match):
    text = match.group(0)
    if text.startswith("/"):
        return re.sub(r"[^\n]", " ", text)
    return text[0] + re.sub(r"[^\n]", " ", text[1:-1]) + text[-1]


def strip(text):
    """Comments and the insides of quotes become spaces; lines stay where they were."""
    return _TOKEN.sub(_blank, text)


def strip_directives(text):
    """Preprocessor lines (with their continuations) become empty lines."""
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
                  lambda m: "\n" * m.group(0).count("\n"), text, flags=re.M)


class Tokens:
    """Words and single marks of stripped text, with line numbers."""

    def __init__(self, text):
        self.items = []
        line = 1
        for m in re.finditer(r"\n|[A-Za-z_]\w*|&&|\|\||[0-9][\w.]*|[^\s]", text):
            if m.group(0) == "\n":
                line += 1
            else:
                self.items.append((m.group(0), line))

    def closing(self, at):
        """Index of the bracket that closes the one at `at` (or the last index)."""
        depth = 0
        for i in range(at, len(self.items)):
            word = self.items[i][0]
            if word in "({[":
                depth += 1
            elif word in ")}]":
                depth -= 1
                if depth == 0:
                    return i
        return len(self.items) - 1


class Function:
    def __init__(self, name, line, params, tokens, first, last):
        self.name, self.line, self.params = name, line, params
        self.tokens, self.first, self.last = tokens, first, last
        self.end = tokens.items[last][1]
        self.lines = self.end - line + 1


def _count_params(tokens, first, last):
    words = [w for w, _ in tokens.items[first + 1:last]]
    if not words or words == ["void"]:
        return 0
    depth, count = 0, 1
    for word in words:
        depth += (word in "({[") - (word in ")}]")
        count += word == "," and depth == 0
    return count


def functions(text):
    """The function definitions of a file's text."""
    tokens = Tokens(strip_directives(strip(text)))
    items, found, i, start = tokens.items, [], 0, 0
    while i < len(items):
        word = items[i][0]
        if word == "(":
            end = tokens.closing(i)
            after = items[end + 1][0] if end + 1 < len(items) else ""
            name = items[i - 1][0] if i else ""
            if after == "{" and re.match(r"[A-Za-z_]", name):
                close = tokens.closing(end + 1)
                found.append(Function(name, items[start][1], _count_params(tokens, i, end),
                                      tokens, end + 1, close))
                i = close + 1
                start = i
                continue
            i = end + 1
        elif word == "{":
            if i and items[i - 1][0] == '"':  # extern "C"
                i += 1
            else:
                i = tokens.closing(i) + 1
        else:
            i += 1
            if word in ";}":
                start = i
    return found


_BLOCKS = {"if", "for", "while", "switch"}


def nesting(function):
    """Depth of control statements inside each other; `else if` is not one deeper."""
    items, tokens = function.tokens.items, function.tokens
    deepest = 0

    def word(i):
        return items[i][0] if i < function.last else ""

    def statement(i, depth):
        """Reads one statement at i; returns the index after it."""
        nonlocal deepest
        deepest = max(deepest, depth)
        if word(i) == "{":
            end = tokens.closing(i)
            i += 1
            while i < end:
                i = statement(i, depth)
            return end + 1
        if word(i) == "do":
            i = statement(i + 1, depth + 1)
            while word(i) not in (";", ""):
                i += 1
            return i + 1
        if word(i) in _BLOCKS:
            is_if = word(i) == "if"
            i = statement(tokens.closing(i + 1) + 1, depth + 1)
            if is_if and word(i) == "else":
                return statement(i + 1, depth if word(i + 1) == "if" else depth + 1)
            return i
        if word(i) in ("case", "default"):
            while word(i) not in (":", ""):
                i += 1
            return i + 1
        while word(i) not in (";", ""):
            i = tokens.closing(i) + 1 if word(i) in ("(", "{", "[") else i + 1
        return i + 1

    i = function.first + 1
    while i < function.last:
        i = statement(i, 0)
    return deepest


def branches(function):
    """McCabe's number: 1 + the places where the way divides."""
    return 1 + sum(w in ("if", "for", "while", "case", "&&", "||", "?")
                   for w, _ in function.tokens.items[function.first:function.last])


class Report:
    """Collects findings as `path:line: text`; the exit code is their presence."""

    def __init__(self, name):
        self.name, self.found, self.looked = name, [], 0

    def add(self, path, line, text):
        self.found.append(f"{path}:{line}: {text}")

    def end(self):
        for finding in self.found:
            print(finding)
        if self.looked == 0:
            print(f"{self.name}: nothing to look at")
            sys.exit(1)
        print(f"{self.name}: {self.looked} looked at, {len(self.found)} findings")
        sys.exit(1 if self.found else 0)


def root_of(arguments):
    """The tree to check: --root DIR, or the one that this script lies in."""
    if "--root" in arguments:
        return arguments[arguments.index("--root") + 1]
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
