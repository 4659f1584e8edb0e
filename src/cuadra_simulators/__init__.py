"""Makers of plausible data: shops, with their dirt, to try Cuadra on before it meets a real one; and a CRM to send to."""
