"""What the invented shop sells and who buys there: words, and the catalogue made of them. All is invented."""

from __future__ import annotations

from html import unescape
from unicodedata import combining, normalize

from msgspec import Struct

FIRST_NAMES = (
    "Valentina", "Martina", "Sofía", "Camila", "Lucía", "Julieta", "Agustina", "Florencia", "Micaela", "Rocío",
    "Carolina", "Belén", "Noelia", "Verónica", "Graciela", "Silvia", "Mónica", "Inés", "Malena", "Abril",
    "Mateo", "Santiago", "Joaquín", "Tomás", "Benjamín", "Facundo", "Nicolás", "Gonzalo", "Ezequiel", "Leandro",
    "Hernán", "Damián", "Rubén", "Héctor", "Raúl", "Andrés", "Ramiro", "Iván", "Gastón", "Julián",
)  # fmt: skip
LAST_NAMES = (
    "Gómez", "Fernández", "Rodríguez", "López", "Pérez", "Romero", "Sosa", "Benítez", "Ramírez", "Medina",
    "Suárez", "Herrera", "Aguirre", "Giménez", "Gutiérrez", "Rojas", "Molina", "Castro", "Ortiz", "Núñez",
    "Luna", "Cabrera", "Ríos", "Godoy", "Morales", "Domínguez", "Peralta", "Vega", "Carrizo", "Quiroga",
    "Castillo", "Ledesma", "Muñoz", "Ojeda", "Ponce", "Vera", "Villalba", "Cardozo", "Navarro", "Bianchi",
    "Ferrari", "Moretti", "Agüero", "Maldonado", "Figueroa", "Coronel", "Paz", "Leiva", "Toledo", "Arias",
)  # fmt: skip
STREETS = (
    "San Martín", "Belgrano", "Rivadavia", "Sarmiento", "Mitre", "Moreno", "Las Heras", "Alsina", "Urquiza",
    "Colón", "Independencia", "Libertad", "Los Aromos", "El Ceibo", "Los Jacarandaes", "Del Molino", "La Rioja",
    "Entre Ríos", "Santa Fe", "Tucumán", "Pueyrredón", "Alvear", "Balcarce", "9 de Julio", "25 de Mayo",
)  # fmt: skip
FLOORS = ("", "", "", "", "2º B", "PB, fondo", "Torre 2, 7º A", "Depto 4", "Casa 12")
#: (city, region, postcode, area code), as often as they buy
CITIES = (
    *(("Buenos Aires", "Ciudad Autónoma de Buenos Aires", "C1425", "11"),) * 8,
    *(("Córdoba", "Córdoba", "X5000", "351"),) * 3,
    *(("Rosario", "Santa Fe", "S2000", "341"),) * 3,
    ("La Plata", "Buenos Aires", "B1900", "221"),
    ("Mar del Plata", "Buenos Aires", "B7600", "223"),
    ("Mendoza", "Mendoza", "M5500", "261"),
    ("San Miguel de Tucumán", "Tucumán", "T4000", "381"),
    ("Salta", "Salta", "A4400", "387"),
    ("Neuquén", "Neuquén", "Q8300", "299"),
)  # fmt: skip
CARRIERS = ("Correo del Litoral", "Andes Expreso", "Ruta Veloz", "Mensajería Centro")
METHODS = ("tarjeta_credito", "tarjeta_credito", "tarjeta_debito", "billetera", "transferencia", "efectivo")
NOTES = (
    "Entregar por la tarde", "Es un regalo, sin ticket", "Timbre 4B\nDejar en portería si no hay nadie",
    "Llamar antes de salir", 'Decir "de parte de la oficina"', "Retira un familiar con el número de pedido",
)  # fmt: skip
CUT_CELLS = ("ver factura", "12.500,50", "$ ---", "#N/D")
BAD_DATES = ("31/12/2025 23:10", "2026-02-30 10:00:00", "ayer", "12-ene")
BAD_EMAILS = ("{0}@", "{0}@example", "{0}.example.com", "{0}@@example.com", "{0}, {0}@example.com")
#: how one and the same mobile number is written
PHONE_FORMS = ("+549{area}{head}{tail}", "+54 9 {area} {head}-{tail}", "0{area} 15 {head}-{tail}",
               "(0{area}) 15{head}{tail}", "0054 9 {area} {head} {tail}", "{area} {head} {tail}")  # fmt: skip

STORES = (("web", "Tienda en línea"), ("palermo", "Local Palermo"), ("rosario", "Local Rosario"),
          ("deposito", "Depósito central"))  # fmt: skip

#: (id, name, parent); the last three are badly defined: one below a node that is not there, two below each other
CATEGORIES = (
    ("1", "Hogar", ""), ("11", "Cocina", "1"), ("111", "Vajilla", "11"), ("112", "Ollas y sartenes", "11"),
    ("12", "Dormitorio", "1"), ("121", "Sábanas", "12"), ("122", "Mantas", "12"),
    ("13", "Baño", "1"), ("14", "Iluminación", "1"), ("15", "Telas por metro", "1"),
    ("2", "Moda", ""), ("21", "Mujer", "2"), ("211", "Vestidos", "21"), ("212", "Camisas", "21"),
    ("22", "Hombre", "2"), ("221", "Camisas", "22"), ("222", "Pantalones", "22"), ("23", "Calzado", "2"),
    ("3", "Jardín", ""), ("31", "Macetas", "3"), ("32", "Herramientas", "3"),
    ("4", "Niños", ""), ("41", "Juguetes", "4"), ("42", "Ropa", "4"),
    ("5", "Ofertas", ""), ("6", "Regalos", ""),
    ("81", "Outlet", "80"), ("91", "Temporada", "92"), ("92", "Colección", "91"),
)  # fmt: skip

_COLOURS = (("AZ", "azul"), ("VE", "verde"), ("CR", "crudo"))
#: (code, name, brand, price in pesos, categories, unit); each comes in three colours
_KINDS = (
    ("MAT", "Set de mate de cerámica", "Barro Sur", 38900, "111", ""),
    ("TAZ", "Taza esmaltada", "Barro Sur", 9800, "111|11|1", ""),
    ("PLA", "Plato playo de gres", "Barro Sur", 14500, "111|5", ""),
    ("FUE", "Fuente para horno", "Barro Sur", 27900, "112|6", ""),
    ("OLL", "Olla de hierro 24 cm", "Fragua", 129000, "112", ""),
    ("SAR", "Sartén de hierro 20 cm", "Fragua", 64900, "112|11", ""),
    ("CUC", "Juego de cucharones", "Fragua", 22400, "11", ""),
    ("DEL", "Delantal de lino", "Hilo y Sol", 21900, "11|6", ""),
    ("SAB", "Juego de sábanas 2 plazas", "Hilo y Sol", 89900, "121", ""),
    ("FUN", "Funda de almohada", "Hilo y Sol", 15900, "121|12", ""),
    ("MAN", "Manta tejida", "Telar Norte", 74500, "122", ""),
    ("PIE", "Pie de cama", "Telar Norte", 58900, "122|5", ""),
    ("ACO", "Acolchado de plumas", "Telar Norte", 189000, "12", ""),
    ("TOA", "Juego de toallas", "Hilo y Sol", 46900, "13", ""),
    ("ALF", "Alfombra de baño", "Telar Norte", 23900, "13|12", ""),
    ("LAM", "Lámpara de mesa", "Claro", 67900, "14", ""),
    ("COL", "Colgante de mimbre", "Claro", 82500, "14|6", ""),
    ("VEL", "Velador plegable", "Claro", 35900, "14|12", ""),
    ("TUS", "Tusor pesado", "Hilo y Sol", 12400, "15", "m"),
    ("LIN", "Lino lavado", "Hilo y Sol", 18900, "15", "m"),
    ("VES", "Vestido de gasa", "Abra", 92900, "211", ""),
    ("VEC", "Vestido camisero", "Abra", 99800, "211|212", ""),
    ("CAM", "Camisa oversize", "Abra", 58900, "212|21", ""),
    ("CAH", "Camisa de lino", "Abra", 64900, "221", ""),
    ("PAN", "Pantalón recto", "Abra", 71900, "222", ""),
    ("BER", "Bermuda de gabardina", "Abra", 49900, "222|5", ""),
    ("ZAP", "Zapatillas de lona", "Paso", 84900, "23", ""),
    ("SAN", "Sandalias de cuero", "Paso", 96900, "23|211", ""),
    ("MAC", "Maceta de barro 18 cm", "Barro Sur", 16900, "31", ""),
    ("MAG", "Maceta colgante", "Barro Sur", 19900, "31|1", ""),
    ("PAL", "Palita de mano", "Fragua", 11900, "32", ""),
    ("TIJ", "Tijera de podar", "Fragua", 32900, "32|3", ""),
    ("BLO", "Bloques de madera", "Rulo", 41900, "41", ""),
    ("TRE", "Tren de encastre", "Rulo", 53900, "41|6", ""),
    ("PEL", "Pelota de tela", "Rulo", 13900, "41|4", ""),
    ("MUN", "Muñeca de trapo", "Rulo", 36900, "41|42", ""),
    ("BUZ", "Buzo con capucha", "Rulo", 44900, "42", ""),
    ("REM", "Remera estampada", "Rulo", 24900, "42|5", ""),
)  # fmt: skip


class Product(Struct, frozen=True):
    """A product of the shop. `price` is in cents and divides by 100, so that parts of a metre cost whole cents."""

    id: str
    sku: str
    name: str
    brand: str
    price: int
    categories: str
    unit: str = ""
    active: str = "1"


#: products with a fault of their own, by the fault; ordinary orders do not name them
FAULTY = {
    "no_sku": Product("7901", "", "Tarjeta de regalo", "", 3_000_000, "6"),
    "inactive": Product("7902", "BIO-0410-NE", "Biombo plegable (discontinuado)", "Claro", 15_490_000, "14", "", "0"),
    "shared": Product("7903", "PAV-0500-RO", "Pava silbadora roja", "Fragua", 4_890_000, "11"),
    "shared_too": Product("7904", "PAV-0500-RO", "Pava silbadora roja 2 l", "Fragua", 5_290_000, "11"),
    "orphan": Product("7905", "OUT-0001-GR", "Caja sorpresa de liquidación", "", 1_990_000, "81"),
    "loop": Product("7906", "TEM-0001-GR", "Guirnalda de temporada", "Claro", 1_290_000, "91"),
    "no_category": Product("7907", "VAR-0001-GR", "Bolsa reutilizable", "", 390_000, ""),
    "unreadable": Product("7908", "VAR-0002-GR", "Percha de alambre", "", 190_000, "1", "", "tal vez"),
}


def catalogue() -> list[Product]:
    """What ordinary orders buy. Every third kind carries its barcode as SKU: what spreadsheets like to shorten."""
    return [
        Product(
            str(7000 + 10 * at + shade),
            f"779055{at:04}{shade:03}" if at % 3 == 2 else f"{code}-{410 + at:04}-{short}",
            f"{name} {colour}", brand, pesos * 100, nodes, unit,
        )
        for at, (code, name, brand, pesos, nodes, unit) in enumerate(_KINDS)
        for shade, (short, colour) in enumerate(_COLOURS)
    ]  # fmt: skip


def slugify(text: str) -> str:
    """A name as it stands in addresses."""
    plain = "".join(c for c in normalize("NFKD", unescape(text).lower()) if not combining(c))
    return "-".join("".join(c if c.isalnum() else " " for c in plain).split())
