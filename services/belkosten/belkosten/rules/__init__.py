"""The rules of belkosten: what follows from what, and nothing that happens.

- `products`: the four ways to help, who may take part in them and when (grounds, periods, moves)
- `credits`: what is credited each month, and which months of a SIM card are paid
- `openings`: when one can come in where a telephone stands
- `numbers`: telephone numbers as they are written and compared, and their categories
- `tariffs`: what a call costs, and how long a credit lasts
- `authorising`: may this call be made, and for how long
- `rating`: what a call record comes to
- `bill_lines`: reading a line of the provider's bill; `invoices`: what is wrong with it
- `comparing`: the four ways side by side
- `usage`: figures over a month, none of them over fewer people than may be shown
- `reasons`: what a participant is told
"""
