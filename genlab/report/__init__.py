"""Run folders → one page; read without trust and without torch, nothing computed anew."""
