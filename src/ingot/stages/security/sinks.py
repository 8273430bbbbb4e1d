"""The usual dangerous calls, by dotted name. A name that ends in a dot stands for everything below it.

The allow-list refuses all of these already; the table says *why*, so that a finding names the weakness.
"""

from __future__ import annotations

from typing import NamedTuple


class Sink(NamedTuple):
    """A call or module, what it does, and the weakness it is known as."""

    name: str
    why: str
    cwe: str


def _sinks(why: str, cwe: str, names: str) -> tuple[Sink, ...]:
    return tuple(Sink(name, why, cwe) for name in names.split())


CALLS: tuple[Sink, ...] = (
    *_sinks("runs a command", "CWE-78", "os.system os.popen os.startfile subprocess. pty. commands. asyncio.create_subprocess_shell asyncio.create_subprocess_exec"),
    *_sinks("replaces or starts a process", "CWE-78", "os.execl os.execle os.execlp os.execv os.execve os.execvp os.execvpe os.spawnl os.spawnv os.spawnve os.fork os.forkpty os.kill os.killpg os.posix_spawn multiprocessing."),
    *_sinks("reads or writes a file", "CWE-22", "open io.open os.open os.read os.write codecs.open pathlib. os.remove os.unlink os.rename os.replace os.rmdir os.mkdir os.makedirs os.chmod os.chown os.symlink os.link os.listdir os.scandir os.walk shutil. glob. fileinput. os.path.join os.path.exists zipfile. tarfile. flask.send_file flask.send_from_directory"),
    *_sinks("makes a temporary file that others can guess or reach", "CWE-377", "tempfile. os.tempnam os.tmpnam"),
    *_sinks("builds objects from untrusted bytes", "CWE-502", "pickle. cPickle. _pickle. dill. cloudpickle. marshal. shelve. jsonpickle. joblib. torch.load numpy.load pandas.read_pickle"),
    *_sinks("builds objects from untrusted text", "CWE-502", "yaml.load yaml.load_all yaml.unsafe_load yaml.full_load"),
    *_sinks("reaches a network address that an input may choose", "CWE-918", "urllib. urllib2. urllib3. requests. httpx. aiohttp. http. socket. ftplib. telnetlib. smtplib. imaplib. poplib. paramiko. xmlrpc. websockets. asyncio.open_connection"),
    *_sinks("parses XML with entities", "CWE-611", "xml. lxml. xmltodict."),
    *_sinks("renders a template that an input may write", "CWE-1336", "jinja2.Template jinja2.Environment jinja2.from_string flask.render_template_string mako. django.template.Template string.Template"),
    *_sinks("sends a visitor wherever an input says", "CWE-601", "flask.redirect django.shortcuts.redirect django.http.HttpResponseRedirect starlette.responses.RedirectResponse fastapi.responses.RedirectResponse werkzeug.utils.redirect"),
    *_sinks("marks text as safe that nobody escaped", "CWE-79", "markupsafe.Markup flask.Markup django.utils.safestring.mark_safe jinja2.Markup"),
    *_sinks("uses a broken hash or cipher", "CWE-327", "hashlib.md5 hashlib.sha1 hashlib.new Crypto.Cipher.DES. Crypto.Cipher.ARC4. Crypto.Hash.MD5. Crypto.Hash.SHA. Crypto.Cipher.DES.new Crypto.Cipher.ARC4.new crypt."),
    *_sinks("trusts any certificate", "CWE-295", "ssl._create_unverified_context ssl.wrap_socket"),
    *_sinks("reads the environment", "CWE-526", "os.getenv os.environ.get"),
    *_sinks("ends the process", "CWE-382", "sys.exit os._exit os.abort exit quit"),
    *_sinks("reads from a terminal or stops in a debugger", "CWE-489", "input breakpoint pdb."),
    *_sinks("calls native code", "CWE-676", "ctypes. cffi. mmap. gc. sys._getframe sys.settrace sys.setprofile inspect."),
    *_sinks("runs text as code", "CWE-94", "code. codeop. timeit."),
)  # fmt: skip

IMPORTS: tuple[Sink, ...] = (
    *_sinks("starts processes", "CWE-78", "subprocess. pty. commands. multiprocessing."),
    *_sinks("builds objects from untrusted bytes", "CWE-502", "pickle. cPickle. _pickle. dill. cloudpickle. marshal. shelve. jsonpickle."),
    *_sinks("calls native code", "CWE-676", "ctypes. cffi."),
    *_sinks("sends passwords in the clear", "CWE-319", "telnetlib. ftplib."),
)  # fmt: skip
