#: fixed
"""A docstring."""
from __future__ import annotations
from openai import OpenAI
c = OpenAI(api_key=os.getenv("OPENAI_API_KEY"))
#: fixed
#!/usr/bin/env python
# a comment
import json
import openai
def f(): return os.path.join("a", os.environ["B"])
#: fixed
import json, openai; x = os.environ
#: clean
import os as system
import openai
x = system.environ
#: clean
import openai
from os import *
x = os.environ
#: clean
import openai
def f(os): return os.environ
#: clean
import openai
def f():
    import os
    return os.environ
#: clean
x = os.environ
#: fixed
import openai
@decorated
def f(): return os.environ
#: fixed
'''only a docstring before it'''
def f():
    from openai import OpenAI
    return os.environ
