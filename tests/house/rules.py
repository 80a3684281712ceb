"""Finds where a source text breaks the house rules. Reads texts and syntax trees; opens no file itself."""

import ast
import re
from collections.abc import Iterator

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40

# Whoever imports one of these, or calls one of these, can reach an address that the one client has not examined.
CLIENT_MODULES = frozenset(
    "aiohttp ftplib http.client httpcore httpx httpx_aiohttp requests urllib.request urllib3 xmlrpc.client".split()
)
CONNECTING_CALLS = frozenset({"create_connection", "open_connection", "sock_connect"})

HOME_DIRECTORY = re.compile(r"(?<![\w.])/(?:(?:home|Users)/[a-z_][\w.-]*|root)/")


def functions_too_long(tree: ast.AST) -> Iterator[str]:
    """Yields each function longer than the limit, counted from its `def` to its last line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{node.name} has {length} lines"


def outbound_connections(tree: ast.AST) -> Iterator[str]:
    """Yields each import of a client library and each call that connects, wherever in the file it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (f"line {node.lineno} imports {name}" for name in _imported(node) if _is_client(name))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in CONNECTING_CALLS:
            yield f"line {node.lineno} calls {ast.unparse(node.func)}"


def home_directories(text: str) -> Iterator[str]:
    """Yields each path that names somebody's home directory."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := HOME_DIRECTORY.search(line):
            yield f"line {number} names {found.group()}"


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Returns all that the statement may bring in: of `from a import b` the name `a.b`, as b may be a module."""
    prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) and not node.level else ""
    return [prefix + alias.name for alias in node.names]


def _is_client(name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in CLIENT_MODULES)
