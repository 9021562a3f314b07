from sikpdos.cli import main

main()
