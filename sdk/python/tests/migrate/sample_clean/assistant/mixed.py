# -*- coding: utf-8 -*-
"""httpx for our own calls, openai for the model: both are declared."""
import httpx
from openai import APITimeoutError, OpenAI

client = OpenAI()  # OPENAI_API_KEY, to OpenAI: as meant
audio = "org/name"


def page(url: str) -> str:
	"""Tabs in this one."""
	try:
		return httpx.get(url, timeout=httpx.Timeout(5)).text
	except httpx.TimeoutException:
		return ""


def ask(text: str) -> str:
	try:
		return client.responses.create(model="gpt-5", input=text).output_text
	except APITimeoutError:
		return ""
	except Exception:
		print("failed")
		raise
